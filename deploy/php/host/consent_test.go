package host_test

import (
	"io"
	"net/http"
	"net/http/httptest"
	"regexp"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"pushd/deploy/php/phptest"
	"pushd/internal/wechatsim"
)

// refused lets pushd remember that followers have refused the account's message.
func (s *site) refused(appid string, openids ...string) {
	for _, openid := range openids {
		s.exec("INSERT INTO pushd_refusal (appid, openid, template_id, refused_at) VALUES (?, ?, ?, UNIX_TIMESTAMP() * 1000)", appid, openid, wechatsim.TemplateID(appid, 1))
	}
}

// remembered are those whom pushd would not ask.
func (s *site) remembered(want ...string) {
	s.t.Helper()
	if got := s.strings("SELECT openid FROM pushd_refusal ORDER BY openid"); strings.Join(got, " ") != strings.Join(want, " ") {
		s.t.Errorf("pushd does not ask %v, want %v", got, want)
	}
}

// Whoever follows again, scans or subscribes is asked again by pushd, and no one else.
func TestConsent_AskedAgain(t *testing.T) {
	s := world(t)
	s.enable(alice, "wxalice")
	s.channel(12, alice, "Alice's morning", time.Now().Add(5*time.Hour), 0)
	s.exec("UPDATE activity_detail SET audience = 'subscribers' WHERE act_id IN (11, 12)")
	s.refused("wxalice", "oFollows", "oGone", "oOther", "oScans", "oStops", "oTaps")
	s.refused("wxbob", "oScans")
	c := &chat{letterbox: s.callback(s.login(alice), "wxalice")}
	at := time.Now().Unix() - 100
	c.send(event("subscribe", "oFollows", "", at))
	c.send(event("SCAN", "oScans", "live_11", at))
	c.send(event("subscribe", "oGone", "", at))
	c.send(event("unsubscribe", "oGone", "", at+1))
	c.send(event("SCAN", "oStops", "live_11", at))
	c.send(message("oStops", "退订", at+1))
	link := regexp.MustCompile(`/watch/11\?f=\w{32}`).FindString(c.send(event("SCAN", "oTaps", "live_11", at)).text)
	s.handOn()
	s.remembered("oGone", "oOther", "oScans", "oStops")
	s.refused("wxalice", "oTaps")
	viewer := s.browser()
	viewer.page(link)
	if got := viewer.api("/watch/12/subscribe", map[string]any{}); got.status != 200 {
		t.Errorf("%d %s", got.status, got.text)
	}
	if run := s.handOn(); run.Code != 0 || !strings.Contains(run.Stdout, "consents: handed on 1\n") {
		t.Errorf("%+v", run)
	}
	s.remembered("oGone", "oOther", "oScans", "oStops")
	if n := s.number("SELECT COUNT(*) FROM pushd_refusal WHERE appid = 'wxbob'"); n != 1 {
		t.Error("a consent to one account is taken for another's")
	}
	if n := s.number("SELECT COUNT(*) FROM host_consent"); n != 0 {
		t.Errorf("%d still wait", n)
	}
}

// A pushd that is away delays no answer to WeChat, and learns it when it is back. A
// consent that comes while another of the same follower is handed on stays.
func TestConsent_PushdAway(t *testing.T) {
	s := world(t)
	s.enable(alice, "wxalice")
	s.refused("wxalice", "oScans")
	l := s.callback(s.login(alice), "wxalice")
	var path atomic.Value
	var answer atomic.Int32
	front := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		path.Store(r.Method + " " + r.URL.Path)
		if answer.Load() == 0 {
			<-r.Context().Done() // as a pushd that hangs
			return
		}
		if _, err := s.DB.Exec("UPDATE host_consent SET noted_us = noted_us + 1"); err != nil { // another scan
			t.Error(err)
		}
		w.WriteHeader(int(answer.Load()))
		io.WriteString(w, "{}")
	}))
	t.Cleanup(front.Close)
	s.php = s.php.With(phptest.Settings{"url": front.URL})
	s.host = s.serve()
	l.site = s
	began := time.Now()
	if got := l.send(l.signed(began, "n1"), event("SCAN", "oScans", "live_11", began.Unix())); got.status != 200 || !strings.Contains(got.text, "订阅成功") {
		t.Errorf("%d %s", got.status, got.text)
	}
	if path.Load() != nil {
		t.Errorf("WeChat's answer waits for %s", path.Load())
	}
	for _, status := range []int{0, 500, 404, 401, 200} { // 0: none
		answer.Store(int32(status))
		if run := s.handOn(); run.Code != 0 || strings.Contains(run.Stdout, "handed on") != (status == 200) {
			t.Errorf("pushd answers %d: %+v", status, run)
		}
		if n := s.number("SELECT COUNT(*) FROM host_consent WHERE appid = 'wxalice' AND openid = 'oScans'"); n != 1 {
			t.Errorf("pushd answers %d: %d wait", status, n)
		}
	}
	if path.Load() != "DELETE /v1/accounts/wxalice/refusals/oScans" {
		t.Error(path.Load())
	}
	s.php = s.php.With(phptest.Settings{"url": s.Rig.URL})
	s.handOn()
	s.remembered()
}
