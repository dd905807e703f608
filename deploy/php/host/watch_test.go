package host_test

import (
	"fmt"
	"net/url"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"pushd/deploy/php/phptest"
	"pushd/internal/wechatsim"
)

const createQR = "/cgi-bin/qrcode/create"

// A crowd of viewers at several web servers makes one WeChat call.
func TestWatch_OneCodeForAll(t *testing.T) {
	s := world(t)
	s.enable(alice, "wxalice")
	hosts := []string{s.host, s.serve(), s.serve(), s.serve()}
	answers := make([]reply, 200)
	var crowd sync.WaitGroup
	for i := range answers {
		b := s.browser()
		there := *s
		there.host = hosts[i%len(hosts)]
		b.site = &there
		crowd.Go(func() { answers[i] = b.api("/watch/11/qrcode", nil) })
	}
	crowd.Wait()
	sources := map[string]int{}
	for _, a := range answers {
		var code struct{ Src string }
		a.into(t, &code)
		sources[code.Src]++
	}
	if n := s.wx.count(createQR); n != 1 || len(sources) != 1 {
		t.Errorf("%d WeChat calls, %d different codes: %v", n, len(sources), sources)
	}
	s.exec("UPDATE host_qrcode SET expires_at = ?", time.Now().Unix()+60)
	if s.browser().api("/watch/11/qrcode", nil); s.wx.count(createQR) != 2 {
		t.Error("a code that is about to end was not replaced")
	}
}

// WeChat that refuses is left in peace for a while.
func TestWatch_CodeRefused(t *testing.T) {
	s := world(t)
	s.enable(alice, "wxalice")
	fault := s.Sim.Faults.Add(wechatsim.Fault{Path: wechatsim.PathQRCode, Action: wechatsim.ActCode, Code: 45009})
	b := s.browser()
	for range 5 {
		if got := b.api("/watch/11/qrcode", nil); got.status != 502 || got.Code != "qrcode_refused" {
			t.Errorf("%d %s", got.status, got.text)
		}
	}
	if n := s.wx.count(createQR); n != 1 {
		t.Errorf("%d WeChat calls, want 1", n)
	}
	s.Sim.Faults.Clear(fault)
	s.exec("UPDATE host_qrcode SET retry_at = 0")
	s.Sim.Faults.Add(wechatsim.Fault{Path: wechatsim.PathQRCode, To: 1, Action: wechatsim.ActCode, Code: 40001})
	if got := b.api("/watch/11/qrcode", nil); got.status != 200 {
		t.Errorf("a refused token was not replaced: %d %s", got.status, got.text)
	}
}

// WeChat that is down for a moment is asked again soon, and holds no worker for long.
func TestWatch_CodeUnanswered(t *testing.T) {
	s := world(t)
	s.enable(alice, "wxalice")
	fault := s.Sim.Faults.Add(wechatsim.Fault{Path: wechatsim.PathQRCode, Action: wechatsim.ActHang})
	b := s.browser()
	began := time.Now()
	if got := b.api("/watch/11/qrcode", nil); got.status != 502 || got.Code != "qrcode_refused" {
		t.Errorf("%d %s", got.status, got.text)
	}
	if took := time.Since(began); took > 6*time.Second {
		t.Errorf("a worker waited %v", took)
	}
	s.Sim.Faults.Clear(fault)
	if n := s.number("SELECT COUNT(*) FROM host_qrcode WHERE retry_at <= ?", time.Now().Unix()+5); n != 1 {
		t.Error("viewers wait for long after a moment's trouble")
	}
}

// What viewers may subscribe to stands behind its owner's gate; the page does not.
func TestWatch_Gate(t *testing.T) {
	s := world(t)
	s.enable(alice, "wxalice")
	start := time.Now().Add(time.Hour)
	for id, uin := range map[int]int{13: carol, 14: dave, 12: bob} {
		s.channel(id, uin, "evening", start, 0)
	}
	s.channel(15, alice, "off", start, 0)
	s.exec("UPDATE activity_detail SET live_notify = 0 WHERE act_id = 15")
	b := s.browser()
	for id, want := range map[int]struct {
		status int
		code   string
	}{11: {200, ""}, 12: {409, "reminder_off"}, 13: {403, "reminder_unavailable"}, 14: {403, "reminder_unavailable"}, 15: {409, "reminder_off"}, 99: {404, "channel_not_found"}} {
		if got := b.api(fmt.Sprintf("/watch/%d/qrcode", id), nil); got.status != want.status || got.Code != want.code {
			t.Errorf("code of %d: %d %s", id, got.status, got.text)
		}
		got := b.api(fmt.Sprint("/watch/", id), nil)
		var data struct {
			Subscribe struct {
				Available bool
				Code      string
			}
		}
		if id == 99 {
			if got.status != 404 {
				t.Errorf("data of 99: %d", got.status)
			}
			continue
		}
		got.into(t, &data)
		if data.Subscribe.Available != (want.code == "") || data.Subscribe.Code != want.code {
			t.Errorf("data of %d: %s", id, got.text)
		}
		page := b.page(fmt.Sprint("/watch/", id))
		if has := strings.Contains(page.text, `id="subscribe">`); page.status != 200 || has != (want.code == "") {
			t.Errorf("page of %d: %d, button %v", id, page.status, has)
		}
		for _, private := range []string{"标准版", "版本", "公众号设置", "AppID", "/login"} { // the owner's plan is no viewer's business
			if strings.Contains(page.text+got.text, private) {
				t.Errorf("page of %d: says %s", id, private)
			}
		}
	}
	if n := s.wx.count(createQR); n != 1 {
		t.Errorf("%d WeChat calls", n)
	}
}

// The page hears of a scan; the link in WeChat's answer says whose it was.
func TestWatch_Followed(t *testing.T) {
	s := world(t)
	s.enable(alice, "wxalice")
	l := s.callback(s.login(alice), "wxalice")
	viewer := s.browser()
	var code struct{ After int64 }
	viewer.api("/watch/11/qrcode", nil).into(t, &code)
	heard := func() (v struct{ New bool }) {
		viewer.api(fmt.Sprintf("/watch/11/follows?after=%d", code.After), nil).into(t, &v)
		return v
	}
	if heard().New {
		t.Error("a follow before anybody followed")
	}
	now := time.Now()
	told := l.send(l.signed(now, "n1"), event("subscribe", "oViewer", "qrscene_live_11", now.Unix()))
	if !heard().New {
		t.Error("the follow is not noticed")
	}
	link := regexp.MustCompile(`href="` + public + `(/watch/11\?f=\w{32})"`).FindStringSubmatch(told.text)
	if link == nil || !strings.Contains(told.text, "订阅成功") {
		t.Fatal(told.text)
	}
	followed := func(b *browser) bool {
		var data struct{ Followed bool }
		b.api("/watch/11", nil).into(t, &data)
		return data.Followed
	}
	if got := viewer.page(link[1]); got.status != 303 || got.header.Get("Location") != "/watch/11" {
		t.Errorf("%d %v", got.status, got.header)
	}
	if !followed(viewer) {
		t.Error("the link does not tell whose follow it was")
	}
	guess := s.browser()
	guess.page("/watch/11?f=" + strings.Repeat("0", 32))
	guess.page("/watch/11?f[]=" + url.QueryEscape("' OR 1"))
	if followed(guess) {
		t.Error("a guessed link works")
	}
	l.send(l.signed(now, "n2"), event("unsubscribe", "oViewer", "", now.Unix()+1))
	if followed(viewer) {
		t.Error("who left still follows")
	}
}

// Web servers whose clocks differ agree on what came after the code was shown:
// the database's clock says it.
func TestWatch_ClocksOfServers(t *testing.T) {
	libs, err := filepath.Glob("/usr/lib/*/faketime/libfaketime.so.1")
	if err != nil || len(libs) == 0 {
		t.Fatal("libfaketime is not installed (Debian: faketime)")
	}
	s := world(t)
	s.enable(alice, "wxalice")
	l := s.callback(s.login(alice), "wxalice")
	slow := *s
	slow.host = s.php.With(phptest.Settings{"LD_PRELOAD": libs[0], "FAKETIME": "-120s"}).Serve(t, filepath.Join(phptest.Dir(), "host/index.php"))
	l.site = &slow
	viewer := s.browser()
	var code struct{ After int64 }
	viewer.api("/watch/11/qrcode", nil).into(t, &code)
	now := time.Now()
	if got := l.send(l.signed(now, "n1"), event("subscribe", "oViewer", "qrscene_live_11", now.Unix())); !strings.Contains(got.text, "订阅成功") {
		t.Fatal(got.text)
	}
	var heard struct {
		New bool
		Now int64
	}
	viewer.api(fmt.Sprintf("/watch/11/follows?after=%d", code.After), nil).into(t, &heard)
	if !heard.New {
		t.Error("a follow that a slow server noted is not noticed")
	}
	there := s.browser()
	there.site = &slow
	if w := there.watch(11); w.Phase != "early" {
		t.Errorf("%+v", w)
	}
	s.exec("UPDATE activity SET start_time = ? WHERE id = 11", now.Add(-time.Minute).Unix())
	if w := there.watch(11); w.Phase != "live" { // by the slow clock it has a minute to go
		t.Errorf("phase by a slow server: %s", w.Phase)
	}
}
