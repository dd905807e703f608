package main

import (
	"bytes"
	"context"
	"fmt"
	"html"
	"io"
	"net/http"
	"net/url"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"

	"pushd"
	"pushd/api/client"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// The whole demo, small: it shows the status, the bar, the new token and the
// sums, and knows that they add up.
func TestRun(t *testing.T) {
	for name, args := range map[string][]string{
		"SQLite":  {"-followers=400"},
		"MariaDB": {"-followers=400", "-mariadb"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Chdir("../..") // as make does
			var out, errs bytes.Buffer
			if code := run(t.Context(), args, &out, &errs); code != 0 || errs.Len() > 0 {
				t.Errorf("exit code %d, %s", code, errs.String())
			}
			at := 0
			for _, want := range []string{
				name, "live_notify_status = 0", "202, job ", "live_notify_status 0 -> 1", "live_notify_status 1 -> 2",
				"100% 400/400 succeeded", "accepted once", "receipts: arrived", "of the accepted messages have arrived", "It adds up: 400 = ",
			} {
				i := strings.Index(out.String()[at:], want)
				if i < 0 {
					t.Fatalf("no %q after %q in\n%s", want, out.String()[:at], out.String())
				}
				at += i
			}
			if strings.Contains(out.String(), "\x1b") || strings.Contains(out.String(), " \n") {
				t.Errorf("escapes or trailing blanks in\n%q", out.String())
			}
		})
	}
}

func TestRun_BadFlags(t *testing.T) {
	for _, args := range [][]string{{"-nonsense"}, {"-followers=0"}, {"more"}} {
		if code := run(t.Context(), args, io.Discard, io.Discard); code != 2 {
			t.Errorf("%v: exit code %d", args, code)
		}
	}
}

// With -keep it goes on until it is stopped, and everything it offers works:
// an owner makes a channel, a viewer scans the code of its watch page, cron
// posts it, and the reminder arrives on the phone.
func TestRun_Keep(t *testing.T) {
	t.Chdir("../..") // as make does
	ctx, stop := context.WithTimeout(t.Context(), 3*time.Minute)
	defer stop()
	ready := make(chan struct{})
	out := &stopper{at: "/phone/2", stop: sync.OnceFunc(func() { close(ready) })}
	done := make(chan int)
	var errs bytes.Buffer
	go func() { done <- run(ctx, []string{"-keep", "-followers=100"}, out, &errs) }()
	select {
	case <-ready:
		visit(ctx, t, out.String())
	case code := <-done:
		t.Fatalf("exit code %d, %s\n%s", code, errs.String(), out.String())
	}
	stop()
	if code := <-done; code != 0 {
		t.Errorf("exit code %d, %s\n%s", code, errs.String(), out.String())
	}
}

// visit does what the demo's last lines say.
func visit(ctx context.Context, t *testing.T, said string) {
	t.Helper()
	hostURL := regexp.MustCompile(`(http\S+)/login`).FindStringSubmatch(said)[1]
	phone := regexp.MustCompile(`http\S+/phone/1`).FindString(said)
	o, err := (&host{url: hostURL}).login(ctx)
	if err != nil {
		t.Fatal(err)
	}
	defer o.close()
	const title = "周五的读书会"
	var channel struct {
		ID int64 `json:"id"`
	}
	err = o.call(ctx, "/channels", map[string]any{
		"title": title, "start_time": time.Now().Add(20*time.Minute + 10*time.Second).Unix(), "watch_url": hostURL + "/watch/42", "content": "",
		"live_notify": 1, "live_notify_time": 20, // in ten seconds: time to scan
	}, &channel)
	if err != nil {
		t.Fatal(err)
	}
	var code struct{}
	if err := o.call(ctx, fmt.Sprintf("/watch/%d/qrcode", channel.ID), nil, &code); err != nil {
		t.Fatal(err)
	}
	page := get(ctx, t, phone)
	form := regexp.MustCompile(`value="([^"]+)"><button>扫一扫：live_` + strconv.FormatInt(channel.ID, 10)).FindStringSubmatch(page)
	if form == nil {
		t.Fatalf("the phone does not offer the code of channel %d:\n%s", channel.ID, page)
	}
	resp, err := http.PostForm(phone+"/scan", url.Values{"ticket": {html.UnescapeString(form[1])}})
	if err != nil {
		t.Fatal(err)
	}
	resp.Body.Close()
	// The answer to the scan, and the reminder.
	for _, want := range []string{`class="said"`, `<dd>` + title} {
		for page = get(ctx, t, phone); !strings.Contains(page, want); page = get(ctx, t, phone) {
			if ctx.Err() != nil {
				t.Fatalf("no %q on the phone:\n%s", want, page)
			}
			time.Sleep(100 * time.Millisecond) // between two looks
		}
	}
}

func get(ctx context.Context, t *testing.T, address string) string {
	t.Helper()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, address, nil)
	if err != nil {
		t.Fatal(err)
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// Ctrl-C in the middle stops everything.
func TestRun_Interrupted(t *testing.T) {
	ctx, stop := context.WithCancel(t.Context())
	out := &stopper{at: "0 -> 1", stop: stop}
	if code := run(ctx, []string{"-followers=100000"}, out, io.Discard); code != 1 {
		t.Errorf("exit code %d", code)
	}
	if !strings.HasSuffix(out.text.String(), "Interrupted; everything has been stopped.\n") {
		t.Errorf("said\n%s", out.text.String())
	}
}

// What does not add up is found.
func TestShow_Wrong(t *testing.T) {
	r, stop, err := setUp(t.Context(), options{seed: 1}, logger(options{}, nil))
	if err != nil {
		t.Fatal(err)
	}
	defer stop()
	s := &show{Rig: r, out: io.Discard, revoked: true}
	s.openAccount(options{followers: 100})
	var job client.Job
	job.State, job.Walked, job.Sent = "failed", 100, 99
	text := strings.Join(s.wrong(job), "\n")
	for _, want := range []string{"ended failed", "live_notify_status is 0", "99 accounted for", "the ledger 0", "did not get it", "not replaced"} {
		if !strings.Contains(text, want) {
			t.Errorf("no %q in\n%s", want, text)
		}
	}
	if s.judge(job, nil) == nil {
		t.Error("it adds up")
	}
	said := map[pushd.Receipt]int64{pushd.ReceiptDelivered: 97, pushd.ReceiptBlocked: 1, pushd.ReceiptFreqLimit: 1}
	for want, r := range map[string]*client.Receipts{
		"no receipts": nil, "96 messages arrived": {Delivered: 96, Blocked: 1, Undelivered: 1}, "2 messages blocked": {Delivered: 97, Blocked: 2, Undelivered: 1},
		"0 messages did not arrive": {Delivered: 97, Blocked: 1}, "": {Delivered: 97, Blocked: 1, Undelivered: 1},
	} {
		if got := strings.Join(unlike(r, said), "\n"); !strings.Contains(got, want) || (want == "") != (got == "") {
			t.Errorf("want %q, got %q", want, got)
		}
	}
}

// stopper stops something as soon as a text is written.
type stopper struct {
	mu   sync.Mutex
	text bytes.Buffer
	at   string
	stop func()
}

func (s *stopper) Write(p []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.text.Write(p); strings.Contains(s.text.String(), s.at) {
		s.stop()
	}
	return len(p), nil
}

func (s *stopper) String() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.text.String()
}

func TestLinked(t *testing.T) {
	got := linked(`<b>订阅成功</b> <a href="https://live.example.com/?a=1&b=2">回到直播间</a> <a href="javascript:x">x</a>`)
	want := `&lt;b&gt;订阅成功&lt;/b&gt; <a target="_blank" href="https://live.example.com/?a=1&amp;b=2">回到直播间</a> &lt;a href=&#34;javascript:x&#34;&gt;x&lt;/a&gt;`
	if string(got) != want {
		t.Errorf("linked is\n%s\nwant\n%s", got, want)
	}
}
