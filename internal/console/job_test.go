package console_test

import (
	"net/http"
	"net/url"
	"strings"
	"testing"

	"pushd"
	"pushd/api/client"
	"pushd/internal/daemon"
	"pushd/internal/rig"
	"pushd/internal/wechatsim"
)

// A wrong text is put right in the middle of a job: pause, look, test on one
// phone, change, go on. Nobody gets it twice, and who came later has the new one.
func TestText(t *testing.T) {
	w := newWorld(t, func(c *daemon.Config) { c.Engine.Rate = 400 })
	acct, job := w.start(1, "wxtext", "第一课：戚风旦糕", wechatsim.AccountOptions{Followers: 2_000})
	w.must(acct.WaitSends(w.ctx, 50))
	p := w.person()
	p.login(rig.APIKey)
	at := "/console/jobs/" + job.ID
	if got := p.press(at+"/text", at+"/pause", url.Values{"then": {"text"}}); got.at != at+"/text" || !strings.Contains(got.text, "Paused.") {
		t.Fatalf("paused: %d at %s", got.status, got.at)
	}
	job = w.await(job.ID, func(j client.Job) bool { return j.Owner == "" })
	old := job.Sent
	form := url.Values{"url": {job.Message.URL}, "openid": {acct.OpenID(3)}}
	for key, value := range job.Message.Data {
		form.Set("data."+key, value)
	}
	send := func(do string) page {
		form.Set("do", do)
		return p.press(at+"/text", at+"/text", form)
	}
	if got := send("save"); got.status != http.StatusUnprocessableEntity || !strings.Contains(got.text, "nothing was changed") {
		t.Errorf("no change: %d", got.status)
	}
	form.Set("data.thing1", "第一课：戚风蛋糕")
	if got := send("preview"); got.status != 200 || strings.Count(got.text, "第一课：戚风蛋糕") != 2 {
		t.Errorf("preview: %d %s", got.status, got.text)
	}
	campaigns := len(acct.Campaigns())
	if got := send("test"); got.status != 200 || !strings.Contains(got.text, "WeChat accepted the test message") {
		t.Errorf("test: %d %s", got.status, got.text)
	}
	if now := acct.Campaigns(); len(now) != campaigns+1 {
		t.Errorf("%d campaigns", len(now))
	}
	if j, err := w.API().Job(w.ctx, job.ID); err != nil || j.MessageVersion != 1 {
		t.Errorf("a test has changed the message: version %d, %v", j.MessageVersion, err)
	}
	if got := send("save"); got.at != at+"?done=text" || !strings.Contains(got.text, "The message is changed.") {
		t.Errorf("save: %d at %s", got.status, got.at)
	}
	p.press(at, at+"/resume", nil)
	job = w.await(job.ID, client.Job.Ended)
	report := acct.Report(job.MsgID)
	if job.State != "succeeded" || !report.Complete() || report.More > 0 {
		t.Errorf("%s, %+v", job.State, report)
	}
	last, _ := acct.LastMessage(job.MsgID)
	if last.Data["thing1"] != "第一课：戚风蛋糕" || old == 0 || old == job.Sent {
		t.Errorf("last message %+v, %d of %d had the old one", last, old, job.Sent)
	}
	for _, part := range []string{"Version 1", "Version 2"} {
		if !strings.Contains(p.get(at).text, part) {
			t.Errorf("the page lacks %s", part)
		}
	}
}

// Where another command was faster the page says so, and shows the job as it is.
func TestPress_TooLate(t *testing.T) {
	w := newWorld(t, func(c *daemon.Config) { c.Engine.Rate = 100 })
	_, job := w.start(1, "wxlate", "", accountOf(20_000))
	p := w.person()
	p.login(rig.APIKey)
	at := "/console/jobs/" + job.ID
	token := csrfPattern.FindStringSubmatch(p.get(at).text)[1]
	_, err := w.API().Command(w.ctx, job.ID, client.Cancel)
	w.must(err)
	got := p.post(at+"/pause", url.Values{"csrf": {token}})
	if got.status != http.StatusConflict || !strings.Contains(got.text, "Another command was faster") || !strings.Contains(got.text, "chip canceled") {
		t.Errorf("%d %s", got.status, got.text)
	}
	if got := p.get(at + "/cancel"); got.at != at {
		t.Errorf("a question that makes no sense any more leads to %s", got.at)
	}
	if got := p.post(at+"/rate", url.Values{"csrf": {token}, "rate": {"many"}}); got.status != http.StatusUnprocessableEntity {
		t.Errorf("a rate that is none: %d", got.status)
	}
	if got := p.post(at+"/dance", url.Values{"csrf": {token}}); got.status != http.StatusNotFound {
		t.Errorf("a command that is none: %d", got.status)
	}
}

// Continue, with a new deadline and the message as it was, reaches the rest.
func TestPress_Continue(t *testing.T) {
	w := newWorld(t, func(c *daemon.Config) { c.Engine.Rate = 400 })
	acct, job := w.start(1, "wxcontinue", "", wechatsim.AccountOptions{Followers: 1_000})
	w.must(acct.WaitSends(w.ctx, 50))
	p := w.person()
	p.login(rig.APIKey)
	at := "/console/jobs/" + job.ID
	if got := p.get(at + "/cancel"); got.status != 200 || !strings.Contains(got.text, "recipients will not get this message") {
		t.Errorf("cancel asks: %d", got.status)
	}
	if got := p.press(at+"/cancel", at+"/cancel", nil); got.at != at+"?done=cancel" {
		t.Errorf("canceled: %d at %s", got.status, got.at)
	}
	if got := p.get(at + "/continue"); !strings.Contains(got.text, "1,000 recipients") {
		t.Errorf("no estimate: %s", got.text)
	}
	if got := p.press(at+"/continue", at+"/continue", url.Values{"deadline": {"2020-01-01T00:00"}}); got.status != http.StatusConflict || !strings.Contains(got.text, "The deadline is in the past.") {
		t.Errorf("a deadline that is past: %d", got.status)
	}
	w.await(job.ID, func(j client.Job) bool { return j.Owner == "" })
	if got := p.press(at+"/continue", at+"/continue", url.Values{"message": {"same"}}); got.at != at+"?done=continue" {
		t.Errorf("continued: %d at %s %s", got.status, got.at, got.text)
	}
	job = w.await(job.ID, client.Job.Ended)
	if report := acct.Report(job.MsgID); job.State != "succeeded" || !report.Complete() || report.More > 0 {
		t.Errorf("%s, %+v", job.State, report)
	}
}

// A page that is out of date sends to no one: a job that was restarted already is not
// restarted from its old page, and one whose channel has moved its start does not go on
// as the reminder of the new one.
func TestPress_OnAnOldPage(t *testing.T) {
	w := newWorld(t, nil)
	acct, job := w.start(1, "wxoldpage", "", wechatsim.AccountOptions{Followers: 20})
	w.await(job.ID, client.Job.Ended)
	p := w.person()
	p.login(rig.APIKey)
	at := "/console/jobs/" + job.ID
	got := p.press(at+"/restart", at+"/restart", nil)
	next := strings.TrimSuffix(strings.TrimPrefix(got.at, "/console/jobs/"), "?done=restart")
	if next == got.at || next == job.ID {
		t.Fatalf("restarted: %d at %s", got.status, got.at)
	}
	w.await(next, client.Job.Ended)
	if got := p.press(at+"/restart", at+"/restart", nil); got.status != http.StatusConflict || !strings.Contains(got.text, "newest job") {
		t.Errorf("restarted from the old page: %d at %s", got.status, got.at)
	}
	_, err := w.DB.ExecContext(w.ctx, "UPDATE activity SET start_time = start_time + 3600")
	w.must(err)
	_, err = w.DB.ExecContext(w.ctx, "UPDATE activity_detail SET live_notify_status = 0")
	w.must(err)
	at = "/console/jobs/" + next
	if got := p.press(at+"/restart", at+"/restart", nil); got.status != http.StatusConflict || !strings.Contains(got.text, "newest job") {
		t.Errorf("restarted for another start: %d at %s", got.status, got.at)
	}
	if sent := acct.Campaigns(); len(sent) != 2 {
		t.Errorf("%d messages for each follower, want 2", len(sent))
	}
}

// Recipients are listed by outcome, masked until asked for, page by page; the file
// has all of them.
func TestRecipients(t *testing.T) {
	w := newWorld(t, nil)
	acct, job := w.start(1, "wxlist", "", wechatsim.AccountOptions{Followers: 250})
	job = w.await(job.ID, client.Job.Ended)
	p := w.person()
	p.login(rig.APIKey)
	at := "/console/jobs/" + job.ID + "/recipients"
	for from, want := range map[string]int{"0": 100, "200": 50} {
		got := p.get(at + "?outcome=sent&from=" + from)
		if n := strings.Count(got.text, `<th scope="row">`); got.status != 200 || n != want || strings.Contains(got.text, acct.OpenID(0)) {
			t.Errorf("from %s: %d rows, %d", from, n, got.status)
		}
	}
	if got := p.get(at + "?outcome=sent&openids=1&from=0"); !strings.Contains(got.text, "from=100&amp;openids=1") {
		t.Error("leafing hides what was asked for")
	}
	csv := p.get(at + ".csv?outcome=sent")
	if csv.status != 200 || !strings.HasPrefix(csv.header.Get("Content-Type"), "text/csv") || strings.Count(csv.text, "\n") != 251 {
		t.Errorf("csv: %d %s, %d lines", csv.status, csv.header.Get("Content-Type"), strings.Count(csv.text, "\n"))
	}
	if got := p.get(at + ".csv?outcome=nonsense"); got.status != http.StatusUnprocessableEntity {
		t.Errorf("a list that is none: %d", got.status)
	}
}

// What WeChat says of the messages is on the job's page, on the lists and with the
// follower; without a word of WeChat's the page says nothing.
func TestReceipts(t *testing.T) {
	w := newWorld(t, nil)
	acct, job := w.start(1, "wxreceipts", "", wechatsim.AccountOptions{Followers: 20})
	job = w.await(job.ID, client.Job.Ended)
	p := w.person()
	p.login(rig.APIKey)
	at := "/console/jobs/" + job.ID
	if got := p.get(at); strings.Contains(got.text, "What WeChat says") {
		t.Error("there are receipts before WeChat has said anything")
	}
	_, err := w.Store.SaveReceipts(w.ctx, pushd.JobID(job.ID), []pushd.FoundReceipts{{Page: 1, Receipts: []pushd.IndexedReceipt{
		{Index: 0, Receipt: pushd.ReceiptDelivered}, {Index: 1, Receipt: pushd.ReceiptBlocked}, {Index: 2, Receipt: pushd.ReceiptFreqLimit}, {Index: 3, Receipt: pushd.ReceiptFreqLimit},
	}}})
	w.must(err)
	for path, want := range map[string]string{
		at: `recipients?receipt=undelivered">2</a>`,
		at + "/recipients?receipt=undelivered&openids=1": `too frequent for the recipient</td>`,
		at + "/recipients?outcome=sent":                  `blocked by the recipient</td>`,
	} {
		if got := p.get(path); got.status != 200 || !strings.Contains(got.text, want) {
			t.Errorf("%s lacks %s", path, want)
		}
	}
	if got := p.get(at + "/recipients?receipt=undelivered"); strings.Count(got.text, `<th scope="row">`) != 2 {
		t.Errorf("the list has %d rows", strings.Count(got.text, `<th scope="row">`))
	}
	if csv := p.get(at + "/recipients.csv?receipt=blocked"); strings.Count(csv.text, "\n") != 2 || !strings.Contains(csv.text, ",blocked\r\n") {
		t.Errorf("csv: %s", csv.text)
	}
	openid := ""
	for r, err := range w.API().RecipientsByReceipt(w.ctx, job.ID, "blocked") {
		w.must(err)
		openid = r.OpenID
	}
	if got := p.press("/console/person", "/console/person", url.Values{"openid": {openid}, "appid": {acct.AppID()}}); !strings.Contains(got.text, "blocked by the recipient") {
		t.Errorf("the follower's page: %d %s", got.status, got.text)
	}
}
