package host_test

import (
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"pushd/deploy/php/phptest"
	"pushd/internal/rig"
)

func receipt(openid string, msgid int64, status string) string {
	return fmt.Sprintf("<xml><ToUserName><![CDATA[gh_1]]></ToUserName><FromUserName><![CDATA[%s]]></FromUserName><CreateTime>%d</CreateTime>"+
		"<MsgType><![CDATA[event]]></MsgType><Event><![CDATA[TEMPLATESENDJOBFINISH]]></Event><MsgID>%d</MsgID><Status><![CDATA[%s]]></Status></xml>",
		openid, time.Now().Unix(), msgid, status)
}

// taker is a pushd that takes receipts, or does not.
type taker struct {
	URL string

	mu     sync.Mutex
	got    []string
	calls  int
	given  int // calls without an answer that were given up
	status int
	hang   chan struct{}
}

func newTaker(t *testing.T) *taker {
	x := &taker{status: http.StatusAccepted, hang: make(chan struct{})}
	front := httptest.NewServer(x)
	x.URL = front.URL
	t.Cleanup(front.Close)
	t.Cleanup(func() { close(x.hang) })
	return x
}

func (x *taker) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	raw, _ := io.ReadAll(r.Body)
	x.mu.Lock()
	x.calls++
	status := x.status
	if r.Method == http.MethodPost && r.URL.Path == "/v1/receipts" && r.Header.Get("Authorization") == "Bearer "+rig.APIKey && status/100 == 2 {
		x.got = append(x.got, r.URL.Query().Get("appid")+" "+string(raw))
	}
	x.mu.Unlock()
	if status == 0 {
		select { // as a pushd that hangs
		case <-x.hang:
		case <-r.Context().Done():
		}
		x.mu.Lock()
		x.given++
		x.mu.Unlock()
		return
	}
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	io.WriteString(w, "{}")
}

func (x *taker) answer(status int) {
	x.mu.Lock()
	defer x.mu.Unlock()
	x.status = status
}

func (x *taker) taken() ([]string, int) {
	x.mu.Lock()
	defer x.mu.Unlock()
	return append([]string(nil), x.got...), x.calls
}

// waiting says whether a call is under way that has no answer.
func (x *taker) waiting() bool {
	x.mu.Lock()
	defer x.mu.Unlock()
	return x.calls > x.given && x.given == 0
}

func (s *site) handOn() phptest.Run {
	s.t.Helper()
	return s.php.Script(s.t.Context(), s.t, phptest.Dir()+"/host/housekeeping.php", "receipts", "once")
}

// A receipt is taken if its signature is right, answered at once, and handed on
// as WeChat wrote it; a pushd that is away or slow loses none.
func TestReceipt_HandedOn(t *testing.T) {
	s := world(t)
	l := s.callback(s.login(alice), "wxalice")
	x := newTaker(t)
	s.php = s.php.With(phptest.Settings{"url": x.URL})
	s.host = s.serve()
	l.site = s
	now := time.Now()
	bad := l.signed(now, "n0")
	bad.Set("signature", strings.Repeat("0", 40))
	if got := l.send(bad, receipt("oForged", 1, "success")); got.status != 403 {
		t.Errorf("a forged receipt: %d %s", got.status, got.text)
	}
	x.answer(0)
	var first, last string
	for i := range 20 {
		body := receipt(fmt.Sprint("o", i), int64(i), "failed:user block")
		q := l.signed(now, fmt.Sprint("n", i+1))
		for range 2 { // WeChat repeats what it takes for unanswered
			began := time.Now()
			if got := l.send(q, body); got.status != 200 || got.text != "success" {
				t.Errorf("%d %s", got.status, got.text)
			}
			if took := time.Since(began); took > 4*time.Second { // WeChat waits five
				t.Errorf("answered after %v", took)
			}
		}
		if i == 0 {
			first = body
		}
		last = body
	}
	s.want(11)
	for status, code := range map[int]int{0: 0, 500: 0, 401: 0} {
		x.answer(status)
		if run := s.handOn(); run.Code != code || strings.Contains(run.Stdout, "handed on") {
			t.Errorf("pushd answers %d: %+v", status, run)
		}
		s.forgetPause()
	}
	if n := s.number("SELECT COUNT(*) FROM host_receipt"); n != 20 {
		t.Errorf("%d wait, want 20", n)
	}
	x.answer(202)
	if run := s.handOn(); run.Code != 0 || !strings.Contains(run.Stdout, "handed on 20") {
		t.Errorf("%+v", run)
	}
	got, _ := x.taken()
	all := strings.Join(got, "\n")
	if len(got) != 20 || !strings.Contains(all, "wxalice "+first) || !strings.Contains(all, "wxalice "+last) {
		t.Errorf("%d taken: %s", len(got), all)
	}
	if n := s.number("SELECT COUNT(*) FROM host_receipt"); n != 0 {
		t.Errorf("%d still wait", n)
	}
	// What pushd will never take does not stand in the way of the others.
	l.send(l.signed(now, "odd"), receipt("oOdd", 1, "success"))
	x.answer(422)
	if s.handOn(); s.number("SELECT COUNT(*) FROM host_receipt") != 0 {
		t.Error("a receipt that pushd refuses is kept")
	}
}

// forgetPause ends the peace that a silent pushd is given.
func (s *site) forgetPause() {
	files, err := filepath.Glob(filepath.Join(s.php.Temp(), "pushd-receipts-*.lock"))
	if err != nil || len(files) != 1 {
		s.t.Fatal(files, err)
	}
	if err := os.Truncate(files[0], 0); err != nil {
		s.t.Fatal(err)
	}
}

// After a pushd that does not answer there is peace for a while: it is not asked
// with every receipt.
func TestReceipt_Pause(t *testing.T) {
	s := world(t)
	l := s.callback(s.login(alice), "wxalice")
	x := newTaker(t)
	x.answer(500)
	s.php = s.php.With(phptest.Settings{"url": x.URL})
	l.send(l.signed(time.Now(), "n1"), receipt("o", 1, "success"))
	s.handOn()
	_, before := x.taken()
	s.handOn()
	if _, after := x.taken(); before != 1 || after != 1 {
		t.Errorf("%d calls, then %d", before, after)
	}
}

// Where the web server hands receipts on, PHP touches nothing.
func TestReceipt_Elsewhere(t *testing.T) {
	h := phptest.New(t, phptest.Settings{"receipts": "false", "db_dsn": "mysql:unix_socket=/nowhere", "host_secret": hostSecret})
	s := &site{t: t, php: h}
	s.host = s.serve()
	token := h.Script(t.Context(), t, "testdata/token.php", "wxalice").Stdout
	l := letterbox{s.browser(), "wxalice", token}
	if got := l.send(l.signed(time.Now(), "n1"), receipt("o", 1, "success")); got.status != 200 || got.text != "success" {
		t.Errorf("%d %s", got.status, got.text)
	}
}

// A database that is away does not make WeChat try again: a receipt is worth less.
func TestReceipt_NoDatabase(t *testing.T) {
	h := phptest.New(t, phptest.Settings{"db_dsn": "mysql:unix_socket=/nowhere", "host_secret": hostSecret})
	s := &site{t: t, php: h}
	s.host = s.serve()
	token := h.Script(t.Context(), t, "testdata/token.php", "wxalice").Stdout
	l := letterbox{s.browser(), "wxalice", token}
	if got := l.send(l.signed(time.Now(), "n1"), receipt("o", 1, "success")); got.status != 200 || got.text != "success" {
		t.Errorf("%d %s", got.status, got.text)
	}
	if got := l.send(l.signed(time.Now(), "n2"), event("SCAN", "o", "live_1", 1)); got.status != 500 {
		t.Errorf("another event: %d %s", got.status, got.text)
	}
}

// eventually waits for what another process does.
func (s *site) eventually(ok func() bool) {
	s.t.Helper()
	for range 500 {
		if ok() {
			return
		}
		time.Sleep(20 * time.Millisecond) // polled: PHP says nothing when it is done
	}
	s.t.Fatal("it did not happen")
}
