package crashtest

import (
	"bytes"
	"fmt"
	"time"

	"pushd/api/client"
	"pushd/internal/wechatsim"
)

func audienceScenarios() []scenario {
	return []scenario{
		{name: "a tag is reminded: kill -9 in the walk and after it, a page that is empty once", run: tagReminded},
		{name: "subscribers are reminded: a query that is refused, kill -9, connections cut, some ask meanwhile", run: subscribersReminded},
	}
}

// tagReminded kills pushd while it lists a tag, and while it sends.
func tagReminded(w *World) {
	j := w.NewChannel(size(4000, 20_000), func(b *wechatsim.Behaviour) {
		b.PageLatency = wechatsim.Uniform(40*time.Millisecond, 80*time.Millisecond)
		b.Walk.PageSize, b.Walk.Faults = 100, []wechatsim.PageFault{{From: 4, Kind: wechatsim.PageEmpty}}
	})
	j.Audience = fmt.Sprintf("tag:%d", crashTag)
	p := w.Start("a")
	w.must(w.Post(p, j))
	kills := int64(0)
	for _, sends := range []int64{1, 300, 900} {
		w.AwaitSends(j, sends)
		w.Pass(w.Between(0, 150*time.Millisecond))
		p.Kill()
		w.Row.Kills++
		kills++
		p = w.Start("a")
	}
	w.AwaitState(j, "succeeded", longest)
	w.judgeAudience(p, j, j.Account.Tagged(crashTag), kills)
}

// subscribersReminded lets the database refuse the platform's table, and kills
// pushd while it sends; those who ask meanwhile are reminded, too.
func subscribersReminded(w *World) {
	_, err := w.DB.ExecContext(w.Context(), `CREATE TABLE host_subscriber (act_id BIGINT NOT NULL, openid VARBINARY(64) NOT NULL, left_at BIGINT NOT NULL DEFAULT 0, PRIMARY KEY (act_id, openid))`)
	w.must(err)
	w.Set("PUSHD_AUDIENCE_QUERY", "SELECT openid FROM host_subscriber WHERE act_id = ? AND openid > ? AND left_at = 0 ORDER BY openid LIMIT ?")
	j := w.NewChannel(3000, nil)
	j.Audience = "subscribers"
	subscribe := func(openid string, left int) {
		w.Helper()
		_, err := w.DB.ExecContext(w.Context(), "INSERT INTO host_subscriber (act_id, openid, left_at) VALUES (?, ?, ?)", j.Channel.ActID, openid, left)
		w.must(err)
	}
	var want []string
	for i := range 2000 {
		if i%4 == 3 { // has taken it back
			subscribe(j.Account.OpenID(i), 1)
			continue
		}
		subscribe(j.Account.OpenID(i), 0)
		want = append(want, j.Account.OpenID(i))
	}
	tries := 0
	w.Proxy.Rule(func(statement []byte) Fate {
		if !bytes.Contains(statement, []byte("host_subscriber")) || !bytes.Contains(statement, []byte("LIMIT 10000")) {
			return Fate{}
		}
		if tries++; tries <= 3 {
			return Fate{Error: 1040} // it is busy, and may be asked again
		}
		return Fate{Error: 1142}
	})
	p := w.Start("a")
	w.must(w.Post(p, j))
	w.AwaitState(j, "parked", 30*time.Second)
	if _, reason := w.State(j); reason != "audience_unavailable" {
		w.Errorf("parked because of %s", reason)
	}
	w.Proxy.Rule(nil)
	w.must(w.Command(p, j, client.Resume))
	for n, sends := range []int64{1, 400} {
		w.AwaitSends(j, sends)
		p.Kill()
		w.Row.Kills++
		p = w.Start("a")
		late := j.Account.OpenID(2500 + n)
		subscribe(late, 0)
		want = append(want, late)
	}
	w.AwaitSends(j, 600)
	w.Proxy.Cut()
	w.AwaitState(j, "succeeded", longest)
	w.judgeAudience(p, j, want, 2)
}

// judgeAudience holds a job that has ended against who is in its audience: each of
// them got the message once, or can't receive it and is listed so; no one else got
// any.
func (w *World) judgeAudience(p *Process, j *Job, want []string, kills int64) {
	w.Helper()
	r := j.Account.Report(w.MsgID(j))
	all := w.lists(p, j)
	in := map[string]bool{}
	lost := 0
	for _, openid := range want {
		in[openid] = true
		who, _ := j.Account.Recipient(w.MsgID(j), openid)
		if all[openid] == "" || who.Delivered == 0 && (who.Code == 0 || all[openid] != "skipped") {
			lost++
		}
	}
	for openid := range all {
		if !in[openid] {
			w.Errorf("%s is on the job's lists and not in the audience %s", openid, j.Audience)
		}
	}
	j.Account.Delivered(w.MsgID(j), func(openid string, times int) bool {
		if !in[openid] {
			w.Errorf("%s got the message and is not in the audience %s", openid, j.Audience)
		}
		return true
	})
	r.Followers = len(want)
	w.account(r, lost, 0, len(all.of("unknown", "failed")), Verdict{Kills: kills})
	w.judgeStatus(j, "succeeded")
	job, err := p.API().Job(w.Context(), j.ID)
	w.must(err)
	if job.Audience != j.Audience || job.Walked != int64(len(want)) {
		w.Errorf("the job is for %s and has walked %d, want %s and %d", job.Audience, job.Walked, j.Audience, len(want))
	}
}
