package wechatsim

import (
	"errors"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
)

func TestRemote(t *testing.T) {
	r := newRig(t, AccountOptions{Followers: 5})
	address, err := r.sim.StartControl("127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	ctx := t.Context()
	far := (&Remote{URL: address, Client: r.web.Client()})
	acct := far.Account(testApp)
	check := func(what string, err error, ok bool) {
		t.Helper()
		if err != nil || !ok {
			t.Errorf("%s: %v, %v", what, ok, err)
		}
	}
	check("tune", acct.Tune(ctx, map[string]any{"Latency": "1ms", "Walk": map[string]any{"PageSize": 2}}), true)
	b := r.acct.Behaviour()
	check("tuned", nil, b.Latency == Fixed(time.Millisecond) && b.Walk.PageSize == 2 && b.TokenLife == 2*time.Hour)
	check("bad tune", nil, acct.Tune(ctx, map[string]any{"Latency": "fast"}) != nil)
	id, err := far.AddFault(ctx, Fault{Path: PathSend, Action: ActCode, Code: -1, To: 1})
	check("fault", err, id != "")
	r.send(r.acct.OpenID(0), "job1")
	r.send(r.acct.OpenID(0), "job1")
	hits, err := far.FaultHits(ctx, id)
	check("hits", err, hits == 1)
	check("clear", far.ClearFault(ctx, id), true)
	check("clear all", far.ClearFaults(ctx), true)
	stats, err := acct.Wait(ctx, Until{Sends: 2})
	check("wait", err, stats.Sends == 2 && stats.Codes[-1] == 1)
	report, err := acct.Report(ctx, "job1")
	check("report", err, report == r.acct.Report("job1") && report.Missing == 4)
	missing, err := acct.Missing(ctx, "job1", 2)
	check("missing", err, len(missing) == 2)
	twice, err := acct.Twice(ctx, "job1", 2)
	check("twice", err, len(twice) == 0)
	ids, err := acct.Campaigns(ctx)
	check("campaigns", err, len(ids) == 1)
	m, err := acct.LastMessage(ctx, "job1")
	check("message", err, m.Data["thing1"] == "新品发布会")
	recipient, err := acct.Recipient(ctx, "job1", r.acct.OpenID(0))
	check("recipient", err, recipient.Requests == 2 && recipient.Delivered == 1)
	rates, err := acct.Rates(ctx)
	check("rates", err, len(rates) > 0)
	value, err := acct.IssueToken(ctx)
	check("token", err, r.with(value) == 0)
	check("revoke", acct.RevokeToken(ctx), true)
	check("revoked", nil, r.with(value) == 40001)
	check("template code", acct.SetTemplateCode(ctx, TemplateID(testApp, 1), 43116), true)
	check("banned", nil, r.send(r.acct.OpenID(1), "job1").Code == 43116)
	check("leave", acct.Leave(ctx, r.acct.OpenID(4)), true)
	check("left", nil, r.acct.Followers() == 4)
	check("quota", acct.ResetQuota(ctx), true)
	check("advance", far.Advance(ctx, time.Hour), true)
	php, err := acct.PHP(ctx)
	check("php", err, php.Calls == 0)
	other, err := far.AddAccount(ctx, "wxother", AccountOptions{Followers: 7})
	check("account", err, r.sim.Find("wxother").Followers() == 7 && r.sim.Find("wxother").Behaviour().PagesPerDay == 500)
	_, err = other.Stats(ctx)
	check("other", err, true)
	_, err = far.Account("wxnobody").Stats(ctx)
	check("nobody", nil, err != nil && strings.Contains(err.Error(), "no such account"))
	_, err = far.Listeners(ctx)
	check("listeners", err, true)
}

func TestLaunch(t *testing.T) {
	binary := filepath.Join(t.TempDir(), "wechatsim")
	if out, err := exec.Command("go", "build", "-o", binary, "./cmd/wechatsim").CombinedOutput(); err != nil {
		t.Fatalf("build: %v\n%s", err, out)
	}
	cert := filepath.Join(t.TempDir(), "cert.pem")
	child, err := Launch(t.Context(), binary, "-tls", "-cert", cert, "-listeners", "2", "-followers", "30")
	if err != nil {
		t.Fatal(err)
	}
	far := child.Account(child.AppID)
	stats, err := far.Stats(t.Context())
	listeners, err2 := child.Listeners(t.Context())
	if err != nil || err2 != nil || stats.Sends != 0 || len(listeners) != 2 || listeners[1].URL != child.URLs[1] || child.Cert != cert {
		t.Errorf("stats %+v, %v; listeners %+v, %v", stats, err, listeners, err2)
	}
	if report, err := far.Report(t.Context(), "job1"); err != nil || report.Missing != 30 {
		t.Errorf("report %+v, %v", report, err)
	}
	if err := child.Stop(); err != nil {
		t.Error(err)
	}
	if _, err := Launch(t.Context(), binary, "-cert", cert); err == nil {
		t.Error("bad arguments did not stop it")
	}
}

func TestDoor_TLS(t *testing.T) {
	r := newRig(t, AccountOptions{Followers: 5})
	one, err := r.sim.StartTLS()
	if err != nil {
		t.Fatal(err)
	}
	two, err := r.sim.StartTLS()
	if err != nil {
		t.Fatal(err)
	}
	client := one.Client(4)
	defer client.CloseIdleConnections()
	for i, url := range []string{one.URL, two.URL, two.URL} {
		resp, err := client.Post(url+"/cgi-bin/message/template/send?access_token="+r.token(), "application/json",
			strings.NewReader(r.body(r.acct.OpenID(i), "job1")))
		if err != nil {
			t.Fatal(err)
		}
		if resp.ProtoMajor != 1 {
			t.Errorf("protocol is %s", resp.Proto)
		}
		resp.Body.Close()
	}
	if one.Sends() != 1 || two.Sends() != 2 || !two.LastSend().Equal(r.sim.Now()) {
		t.Errorf("listeners have %d and %d sends, last %v", one.Sends(), two.Sends(), two.LastSend())
	}
	r.sim.Faults.Add(Fault{Path: PathSend, Action: ActReset})
	if _, err := client.Post(two.URL+"/cgi-bin/message/template/send?access_token="+r.token(), "application/json",
		strings.NewReader(r.body(r.acct.OpenID(4), "job1"))); !errors.Is(err, syscall.ECONNRESET) {
		t.Errorf("a reset under TLS is %v", err)
	}
	if got := r.acct.Report("job1"); got.Once != 3 {
		t.Errorf("report is %+v", got)
	}
}
