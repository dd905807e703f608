package crashtest

import (
	"context"
	"encoding/json"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"

	"pushd"
	"pushd/api/client"
	"pushd/internal/wechatsim"
)

func restoreScenarios() []scenario {
	return []scenario{
		{name: "restored to before the accept, posted again within the window", run: restoredWithinWindow},
		{name: "restored to before the accept, posted again beyond the window", run: restoredBeforeAccept},
		{name: "restored to the middle, beyond the window", run: restoredToTheMiddle},
		{name: "restored to the middle, two pushd start at once", run: restoredBeneathTwo},
		{name: "the database goes back beneath a running pushd", run: wentBackBeneath},
		{name: "the database goes back beneath a running pushd, within the window", run: wentBackSoon},
		{name: "restored without a state directory, --hold", run: restoredByHand},
	}
}

// crawl makes a job so slow that the copy, the loss and the window find room in
// it.
func (w *World) crawl() {
	w.Set("PUSHD_LEASE", "5s")
	w.Set("PUSHD_DEDUP_WINDOW", "6s")
	w.Set("PUSHD_RATE", "150")
}

// kept is the counter that an instance keeps; 0 if none.
func (w *World) kept(instance string) int64 {
	w.Helper()
	text, err := os.ReadFile(filepath.Join(w.stateDir(instance), "ledger"))
	if os.IsNotExist(err) {
		return 0
	}
	w.must(err)
	var doc struct{ Counter int64 }
	w.must(json.Unmarshal(text, &doc))
	return doc.Counter
}

// awaitRaise waits until an instance has kept a counter above that of now.
func (w *World) awaitRaise(instance string) {
	w.Helper()
	var now int64
	w.must(w.DB.QueryRow("SELECT counter FROM pushd_install").Scan(&now))
	w.Until("the counter is raised", 20*time.Second, func() bool { return w.kept(instance) > now })
}

// copyAt waits for so many sends and copies the database.
func (w *World) copyAt(j *Job, sends int64) (b backup, recorded int) {
	w.Helper()
	w.AwaitSends(j, sends)
	// Read first: the copy has no less.
	w.must(w.DB.QueryRow("SELECT COALESCE(SUM(sent), 0) FROM pushd_progress WHERE job_id = ?", j.ID).Scan(&recorded))
	return w.Backup(), recorded
}

// awaitHeld waits until the job is held, demands that nothing is sent, and that
// the health of p says so.
func (w *World) awaitHeld(p *Process, j *Job) {
	w.Helper()
	w.AwaitState(j, "paused", 20*time.Second)
	if _, reason := w.State(j); reason != string(pushd.LedgerWentBack) {
		w.Fatalf("the job is paused for %q", reason)
	}
	w.Pass(time.Second)
	before := j.Account.Stats().Sends
	w.Pass(2 * time.Second)
	if n := j.Account.Stats().Sends - before; n > 0 {
		w.Errorf("%d sends while the job is held", n)
	}
	w.Until("the health says so", 20*time.Second, func() bool { return strings.HasPrefix(w.health(p), "degraded 1 jobs") })
}

// health is the state of a process's ledger, and what it says of it.
func (w *World) health(p *Process) string {
	w.Helper()
	ctx, cancel := context.WithTimeout(w.Context(), 10*time.Second)
	defer cancel()
	health, err := p.API().Health(ctx)
	w.must(err)
	return string(health.Status) + " " + health.Parts["ledger"].Text
}

// wantCheck runs pushd check with the settings of instance a, and looks for a
// line.
func (w *World) wantCheck(p *Process, line string) {
	w.Helper()
	cmd := exec.CommandContext(w.Context(), w.bin.Plain, "check")
	cmd.Env = w.environment(p, "a")
	out, err := cmd.CombinedOutput()
	if _, failed := errors.AsType[*exec.ExitError](err); err != nil && !failed {
		w.Fatal(err)
	}
	if !strings.Contains(string(out), line) || leak(string(out)) != "" {
		w.Errorf("pushd check does not say %q: %s", line, out)
	}
}

// delivered is how many people have the job's message.
func (w *World) delivered(j *Job) int64 { return j.Account.Stats().Delivered }

// restoredWithinWindow forgets a job in its middle. cron posts it again, and
// WeChat recognises everybody.
func restoredWithinWindow(w *World) {
	w.Set("PUSHD_RATE", "300")
	p, j := w.Start("a"), w.NewChannel(2500, nil)
	w.Until("the counter is kept", 20*time.Second, func() bool { return w.kept("a") > 0 })
	b := w.Backup()
	w.must(w.Post(p, j))
	w.awaitRaise("a")
	w.AwaitSends(j, 700)
	p.Kill()
	w.Row.Kills++
	forgotten := w.delivered(j)
	w.Restore(b)
	w.Set("PUSHD_RATE", "0")
	p = w.Start("a")
	first := j.ID
	w.must(w.Post(p, j))
	if j.ID == first {
		w.Fatal("the database has forgotten nothing")
	}
	w.Finish(p, j, Verdict{Kills: 1, Lost: forgotten})
	if n := len(j.Account.Campaigns()); n != 1 {
		w.Errorf("WeChat saw %d client_msg_ids", n)
	}
	if !strings.Contains(p.Said(), "the ledger went back; nothing is held") {
		w.Error("the log does not say that the ledger went back")
	}
}

// restoredBeforeAccept forgets a job, and WeChat forgets it as well before cron
// posts it again. A reminder that falls due later goes out.
func restoredBeforeAccept(w *World) {
	w.crawl()
	p, j := w.Start("a"), w.NewChannel(2500, w.shortWindow)
	later := w.NewChannel(100, w.shortWindow) // due in three days
	j.Channel.Start = time.Now().Add(20 * time.Minute)
	_, err := w.DB.Exec("UPDATE activity SET start_time = ? WHERE id = ?", j.Channel.Start.Unix(), j.Channel.ActID)
	w.must(err)
	w.Until("the counter is kept", 20*time.Second, func() bool { return w.kept("a") > 0 })
	b := w.Backup()
	w.must(w.Post(p, j))
	w.awaitRaise("a")
	w.AwaitSends(j, 300)
	p.Kill()
	w.Row.Kills++
	w.Restore(b)
	w.Pass(beyondWindow)
	p = w.Start("a")
	w.must(w.Post(p, j))
	w.must(w.Post(p, later))
	w.awaitHeld(p, j)
	w.Finish(p, later, Verdict{})
	w.must(w.Post(p, j)) // as cron does
	w.must(w.Command(p, j, client.Cancel))
	w.AwaitState(j, "canceled", 10*time.Second)
	w.Judge(p, j, Verdict{State: "canceled"})
}

// restoredToTheMiddle forgets a part of a job. Whoever resumes it tells those
// of the lost part twice, and nobody else.
func restoredToTheMiddle(w *World) {
	w.crawl()
	p, j := w.Begin(2500, w.shortWindow)
	b, recorded := w.copyAt(j, 300)
	w.awaitRaise("a")
	w.AwaitSends(j, 800)
	p.Kill()
	w.Row.Kills++
	w.wantCheck(p, "ok    state: the database has not gone back")
	w.Restore(b)
	w.wantCheck(p, "warn  state: the database went back")
	w.Pass(beyondWindow)
	lost := w.delivered(j) - int64(recorded) // what was on its way at the kill has arrived by now
	w.Set("PUSHD_RATE", "400")
	p = w.Start("a")
	w.must(w.Post(p, j)) // it is there
	w.awaitHeld(p, j)
	w.must(w.Command(p, j, client.Resume))
	w.AwaitSends(j, j.Account.Stats().Sends+50)
	_, _, err := p.Terminate(20 * time.Second)
	w.must(err)
	w.Row.Stops++
	p = w.Start("a") // holds nothing again
	r := w.Finish(p, j, Verdict{Kills: 1, Twice: int(lost), Lost: lost})
	if r.More == 0 {
		w.Error("nobody was told twice, so nothing was lost")
	}
	if strings.Contains(p.Said(), "are held") {
		w.Error("the second start holds again")
	}
	w.Until("the health is well again", 20*time.Second, func() bool { return w.health(p) == "ok " })
}

// restoredBeneathTwo starts two processes at once on a database that went back.
func restoredBeneathTwo(w *World) {
	w.crawl()
	a, j := w.Begin(2500, w.shortWindow)
	other := w.Start("b")
	b, recorded := w.copyAt(j, 300)
	w.awaitRaise("a")
	w.awaitRaise("b")
	a.Kill()
	other.Kill()
	w.Row.Kills += 2
	w.Restore(b)
	w.Pass(beyondWindow)
	lost := w.delivered(j) - int64(recorded) // what was on its way at the kill has arrived by now
	w.Set("PUSHD_RATE", "0")
	both := []*Process{w.launch(w.bin.Plain, "a", ""), w.launch(w.bin.Plain, "b", "")}
	for _, p := range both {
		w.must(p.awaitListen())
	}
	w.awaitHeld(both[0], j)
	held := 0
	for _, p := range both {
		held += strings.Count(p.Said(), `"held":1`)
	}
	if held != 1 {
		w.Errorf("%d processes say that they held the job", held)
	}
	w.must(w.Command(both[1], j, client.Resume))
	w.Finish(both[0], j, Verdict{Kills: 1, Twice: int(lost), Lost: lost})
}

// wentBackBeneath exchanges the database of a running pushd for an older copy.
func wentBackBeneath(w *World) {
	w.crawl()
	p, j := w.Begin(4000, w.shortWindow)
	b, recorded := w.copyAt(j, 300)
	w.Pass(beyondWindow)
	w.Restore(b)
	w.awaitHeld(p, j)
	w.Pass(time.Second) // what was on its way arrives
	lost := w.delivered(j) - int64(recorded)
	w.must(w.Command(p, j, client.Resume))
	w.Finish(p, j, Verdict{Kills: 1, Twice: int(lost), Lost: lost})
}

// wentBackSoon does it while WeChat recognises what was sent: pushd goes on from
// what the copy knows, without a person's doing.
func wentBackSoon(w *World) {
	w.Set("PUSHD_RATE", "300")
	p, j := w.Begin(3000, func(b *wechatsim.Behaviour) { b.Walk.PageSize = 200 })
	b, recorded := w.copyAt(j, 500)
	w.awaitRaise("a")
	w.AwaitSends(j, 1200)
	w.Restore(b)
	w.Finish(p, j, Verdict{Kills: 1, Lost: w.delivered(j) - int64(recorded)})
}

// restoredByHand loses what is outside of the database as well.
func restoredByHand(w *World) {
	w.crawl()
	p, j := w.Begin(2500, w.shortWindow)
	b, _ := w.copyAt(j, 300)
	w.AwaitSends(j, 700)
	p.Kill()
	w.Row.Kills++
	w.Restore(b)
	w.must(os.RemoveAll(w.stateDir("a")))
	w.Pass(beyondWindow)
	w.args = []string{"--hold"}
	p = w.Start("a")
	w.args = nil
	w.awaitHeld(p, j)
	if !strings.Contains(p.Said(), `"held":1`) {
		w.Error("the log does not say how many jobs are held")
	}
	w.must(w.Command(p, j, client.Cancel))
	w.Judge(p, j, Verdict{State: "canceled", Kills: 1})
}
