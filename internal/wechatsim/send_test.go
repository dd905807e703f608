package wechatsim

import (
	"fmt"
	"strings"
	"testing"
	"time"
)

func TestSend_CountsEveryoneOnce(t *testing.T) {
	r := newRig(t, AccountOptions{Followers: 200, Unsubscribed: 0.1, Refusing: 0.1})
	ids, _ := r.walk()
	for _, id := range ids {
		r.send(id, "job1")
	}
	r.send(ids[0], "job2")
	got := r.acct.Report("job1")
	if got.Followers != 200 || got.Missing != 0 || got.More != 0 || got.Repeats != 0 ||
		got.Once+got.Refusing != 200 || got.Refusing < 20 || got.Refusing > 60 {
		t.Errorf("report is %+v", got)
	}
	if other := r.acct.Report("job2"); other.Requests != 1 || other.Missing < 100 {
		t.Errorf("report of the other campaign is %+v", other)
	}
	m, ok := r.acct.LastMessage("job1")
	if !ok || m.Data["thing1"] != "新品发布会" || m.URL != "https://live.example/42" || m.ToUser == "" {
		t.Errorf("last message is %+v, %v", m, ok)
	}
}

func TestSend_Checks(t *testing.T) {
	long := strings.Repeat("字", 21)
	tests := []struct {
		name   string
		edit   func(string) string
		change func(*Account)
		want   int
		text   string
	}{
		{name: "OK", want: 0},
		{name: "NotJSON", edit: func(string) string { return `{"touser":` }, want: 47001},
		{name: "Empty", edit: func(string) string { return "" }, want: 44002},
		{name: "NotUTF8", edit: func(b string) string { return strings.Replace(b, "新品", "\xff\xfe", 1) }, want: 47001},
		{name: "Stranger", edit: func(b string) string { return strings.Replace(b, `"touser":"o`, `"touser":"p`, 1) }, want: 40003},
		{name: "NoTemplate", edit: func(b string) string { return strings.Replace(b, `"template_id":"`, `"template_id":"x`, 1) }, want: 40037},
		{name: "Banned", change: func(a *Account) { a.SetTemplateCode(TemplateID(testApp, 1), 43116) }, want: 43116},
		{name: "DayUsed", change: func(a *Account) {
			a.Tune(func(b *Behaviour) { b.SendsPerDay = 1 })
			a.quota.send(&Behaviour{}, a.now())
		}, want: 45009},
		{name: "MinuteUsed", change: func(a *Account) {
			a.Tune(func(b *Behaviour) { b.SendsPerMinute = 1 })
			a.quota.send(&Behaviour{}, a.now())
		}, want: 45011},
		{name: "Left", change: func(a *Account) { a.Leave(a.OpenID(3)) }, want: 43004},
		{name: "Blacklisted", change: func(a *Account) { a.SetCode(a.OpenID(3), 43019) }, want: 43019},
		{name: "TooLong", edit: func(b string) string { return strings.Replace(b, "新品发布会", long, 1) }, want: 47003, text: "data.thing1.value"},
		{name: "FieldMissing", edit: func(b string) string { return strings.Replace(b, "time2", "time9", 1) }, want: 47003, text: "data.time2.value"},
		{name: "Escapes", edit: func(b string) string { return strings.Replace(b, "新", `\u65b0`, 1) },
			change: func(a *Account) { a.Tune(func(b *Behaviour) { b.RefuseEscapes = true }) }, want: 40033},
		{name: "MiniProgramNotBound", edit: func(b string) string {
			return strings.Replace(b, `"url"`, `"miniprogram":{"appid":"wxother"},"url"`, 1)
		}, change: func(a *Account) { a.Tune(func(b *Behaviour) { b.MiniPrograms = []string{"wxmine"} }) }, want: 40013},
		{name: "MiniProgramEmpty", edit: func(b string) string {
			return strings.Replace(b, `"url"`, `"miniprogram":{"appid":"","pagepath":""},"url"`, 1)
		}, want: 0},
		{name: "SpacedJSON", edit: func(b string) string { return strings.ReplaceAll(b, `":`, `" : `) }, want: 0},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			r := newRig(t, AccountOptions{Followers: 10})
			if tt.change != nil {
				tt.change(r.acct)
			}
			body := r.body(r.acct.OpenID(3), "job1")
			if tt.edit != nil {
				body = tt.edit(body)
			}
			got, err := r.post("/cgi-bin/message/template/send", body)
			if err != nil || got.Code != tt.want || !strings.Contains(got.Text, tt.text) {
				t.Fatalf("answer is %+v, %v; want %d", got, err, tt.want)
			}
			if tt.want == 0 && got.MsgID <= 1<<53 {
				t.Errorf("msgid is %d, want one beyond 2^53", got.MsgID)
			}
			if tt.want != 0 && !strings.Contains(got.Text, " rid: ") {
				t.Errorf("text %q has no rid", got.Text)
			}
			if n := r.acct.Report("job1").Deliveries; (n == 1) != (tt.want == 0) {
				t.Errorf("%d deliveries after %d", n, tt.want)
			}
		})
	}
}

func TestSend_ClientMsgID(t *testing.T) {
	r := newRig(t, AccountOptions{Followers: 10})
	id := r.acct.OpenID(4)
	first := r.send(id, "job1")
	if again := r.send(id, "job1"); again.Code != 0 || again.MsgID != first.MsgID {
		t.Errorf("repeat is answered %+v, first was %+v", again, first)
	}
	r.acct.Tune(func(b *Behaviour) { b.RepeatOtherID = true })
	if again := r.send(id, "job1"); again.Code != 0 || again.MsgID == first.MsgID {
		t.Errorf("repeat is answered %+v, want another msgid", again)
	}
	r.acct.Tune(func(b *Behaviour) { b.RepeatCode = 45999 })
	if again := r.send(id, "job1"); again.Code != 45999 {
		t.Errorf("repeat is answered %+v, want 45999", again)
	}
	if got := r.acct.Report("job1"); got.Once != 1 || got.More != 0 || got.Repeats != 3 || got.Requests != 4 {
		t.Errorf("report is %+v", got)
	}
	r.sim.Advance(11 * time.Minute)
	r.send(id, "job1")
	if got := r.acct.Report("job1"); got.More != 1 || len(r.acct.Twice("job1", 0)) != 1 {
		t.Errorf("after the window the report is %+v", got)
	}
}

func TestSend_DuplicateWindow(t *testing.T) {
	b := Default()
	b.DuplicateWindow = time.Minute
	r := newRig(t, AccountOptions{Followers: 10, Behaviour: &b})
	id := r.acct.OpenID(0)
	r.send(id, "channel1")
	if got := r.send(id, "channel2"); got.Code != 40241 {
		t.Fatalf("answer is %+v, want 40241", got)
	}
	r.sim.Advance(61 * time.Second)
	if got := r.send(id, "channel2"); got.Code != 0 {
		t.Fatalf("a minute later the answer is %+v", got)
	}
}

func TestSend_PatienceHeals(t *testing.T) {
	b := Default()
	b.FrequentFor = 30 * time.Minute
	r := newRig(t, AccountOptions{Followers: 10, Behaviour: &b})
	id := r.acct.OpenID(0)
	r.acct.SetCode(id, 43117)
	if got := r.send(id, "job1"); got.Code != 43117 {
		t.Fatalf("answer is %+v, want 43117", got)
	}
	if got := r.acct.Report("job1"); got.Missing != 10 {
		t.Errorf("report is %+v: who asks for patience is missing", got)
	}
	r.acct.Tune(func(b *Behaviour) { b.FrequentFor = 0 })
	if got := r.acct.Report("job1"); got.Missing != 9 || got.Refusing != 1 {
		t.Errorf("report is %+v: who refuses for ever is not missing", got)
	}
	r.acct.Tune(func(b *Behaviour) { b.FrequentFor = 30 * time.Minute })
	r.sim.Advance(31 * time.Minute)
	if got := r.send(id, "job1"); got.Code != 0 {
		t.Fatalf("later the answer is %+v", got)
	}
}

func TestSend_ManyDifferentBodies(t *testing.T) {
	r := newRig(t, AccountOptions{Followers: 700})
	for i := range 600 {
		if got := r.send(r.acct.OpenID(i), fmt.Sprint("job", i)); got.Code != 0 {
			t.Fatalf("body %d is answered %+v", i, got)
		}
	}
	if got := len(r.acct.Campaigns()); got != 600 {
		t.Errorf("%d campaigns, want 600", got)
	}
}
