package crashtest

import (
	"fmt"
	"io"
	"net/http"
	"regexp"
	"strconv"
	"sync"
	"sync/atomic"
	"time"

	"pushd/api/client"
	"pushd/internal/wechatsim"
)

func commandScenarios() []scenario {
	return []scenario{
		{name: "1,000 equal POSTs before, during and after", run: equalPosts},
		{name: "a stale row sets the status back to 0", run: staleRow},
		{name: "everyone refuses from the middle on", long: true, run: everyoneRefuses},
		{name: "a parked job leaves its slot to another", long: true, run: parkedJobGivesWay},
		{name: "paused and resumed at random 100 times", run: pausedOften},
		{name: "canceled at random, continued, again and again", long: true, run: canceledOften},
	}
}

// posts posts j so often, 50 at once, and counts the answers.
func posts(w *World, p *Process, j *Job, n int) map[int]int {
	w.Helper()
	token, _ := j.Account.StableToken(false)
	order := client.Order{ActID: j.Channel.ActID, AppID: j.Channel.AppID, Secret: appSecret, AccessToken: token}
	answers := map[int]int{}
	var mu sync.Mutex
	var left atomic.Int64
	left.Store(int64(n))
	var all sync.WaitGroup
	for range 50 {
		all.Go(func() {
			for left.Add(-1) >= 0 {
				job, err := p.API().Post(w.Context(), order)
				mu.Lock()
				answers[answered(job, err)]++
				if err == nil {
					j.ID = job.ID
				}
				mu.Unlock()
			}
		})
	}
	all.Wait()
	return answers
}

// answered is the status of a POST; -1 without an answer.
func answered(job client.Job, err error) int {
	switch status := client.Status(err); {
	case status != 0:
		return status
	case err != nil:
		return -1
	case job.Existing:
		return http.StatusOK
	}
	return http.StatusAccepted
}

func equalPosts(w *World) {
	p := w.Start("a")
	warm := w.NewChannel(2000, nil)
	w.must(w.Post(p, warm))
	w.Finish(p, warm, Verdict{})
	idle := goroutines(w, p)
	j := w.NewChannel(4000, nil)
	first := posts(w, p, j, 400)
	during := posts(w, p, j, 300)
	w.Finish(p, j, Verdict{})
	after := posts(w, p, j, 300)
	if first[202] != 1 || first[200] != 399 || during[200]+during[409] != 300 || after[409] != 300 {
		w.Errorf("answers at once %v, during %v, after %v", first, during, after)
	}
	var jobs int
	w.must(w.DB.QueryRow("SELECT COUNT(*) FROM pushd_job").Scan(&jobs))
	if jobs != 2 { // with the one before
		w.Errorf("%d jobs", jobs)
	}
	// Idle connections keep their goroutines, two for each send that was in
	// flight and some for the database; what a job starts must end with it.
	if n := goroutines(w, p); n > idle+5*Concurrency {
		w.Errorf("%d goroutines after the job, %d before it", n, idle)
	}
	w.Row.Note = "one job"
}

// goroutines is how many goroutines a process has.
func goroutines(w *World, p *Process) int {
	w.Helper()
	resp, err := http.Get(p.URL + "/metrics")
	w.must(err)
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	w.must(err)
	found := regexp.MustCompile(`(?m)^go_goroutines (\d+)`).FindSubmatch(text)
	if found == nil {
		w.Fatal("no go_goroutines in /metrics")
	}
	n, err := strconv.Atoi(string(found[1]))
	w.must(err)
	return n
}

func pausedOften(w *World) {
	p, j := w.Begin(size(8000, 30_000), nil)
	pauses := 0
	for range 50 {
		if w.Command(p, j, client.Pause) != nil {
			break // it has ended
		}
		pauses++
		if pauses%10 == 0 { // no send starts a second after the answer
			w.Pass(time.Second)
			before := p.Listener.Sends()
			w.Pass(200 * time.Millisecond)
			if n := p.Listener.Sends() - before; n > 0 {
				w.Errorf("%d sends a second after the pause", n)
			}
		}
		w.Pass(w.Between(0, 60*time.Millisecond))
		if w.Command(p, j, client.Resume) != nil {
			break
		}
		w.Pass(w.Between(0, 200*time.Millisecond))
	}
	w.Finish(p, j, Verdict{})
	w.Row.Note = fmt.Sprintf("%d commands", 2*pauses)
}

func canceledOften(w *World) {
	p, j := w.Begin(4000, nil)
	times := 0
	for range 10 {
		w.Pass(w.Between(0, 300*time.Millisecond))
		if w.Command(p, j, client.Cancel) != nil {
			break // it has ended
		}
		times++
		w.AwaitState(j, "canceled", 10*time.Second)
		w.Continue(p, j)
	}
	w.Finish(p, j, Verdict{Reasked: reasked})
	w.Row.Note = fmt.Sprintf("%d cancels", times)
}

// staleRow is a host that saves an old row over pushd's status, and a cron
// that sees a 0 and posts.
func staleRow(w *World) {
	p, j := w.Begin(500, nil)
	w.Finish(p, j, Verdict{})
	sends := j.Account.Stats().Sends
	_, err := w.DB.Exec("UPDATE activity_detail SET live_notify_status = 0")
	w.must(err)
	if answers := posts(w, p, j, 20); answers[409] != 20 {
		w.Errorf("answers %v, want already_notified", answers)
	}
	w.Until("the status is put right", 30*time.Second, func() bool {
		status, err := w.Status(w.Context(), j.Channel.ActID)
		return err == nil && status == 2
	})
	if n := j.Account.Stats().Sends - sends; n > 0 {
		w.Errorf("%d messages because of a stale row", n)
	}
}

// everyoneRefuses makes WeChat answer 43004 to everybody at once, as it does
// when something is wrong with the account. People are not given up.
func everyoneRefuses(w *World) {
	p, j := w.Begin(3000, nil)
	w.AwaitSends(j, 1000)
	id := w.Sim.Faults.Add(wechatsim.Fault{Path: wechatsim.PathSend, Action: wechatsim.ActCode, Code: 43004})
	w.AwaitState(j, "parked", 30*time.Second)
	w.Sim.Faults.Clear(id)
	w.Row.Note = fmt.Sprintf("%d sends until it parked", j.Account.Stats().Codes[43004])
	w.Until("it goes on when it is told to", 100*time.Second, func() bool {
		_ = w.Command(p, j, client.Resume) // it may have gone on by itself
		s, _ := w.State(j)
		return s == "succeeded"
	})
	w.Finish(p, j, Verdict{Reasked: reasked})
}

// parkedJobGivesWay has one slot and two jobs; the first waits for a WeChat
// that answers nothing good.
func parkedJobGivesWay(w *World) {
	w.Set("PUSHD_MAX_JOBS", "1")
	p, first := w.Begin(1000, nil)
	w.AwaitSends(first, 100)
	id := w.Sim.Faults.Add(wechatsim.Fault{AppID: first.Channel.AppID, Path: wechatsim.PathSend, Action: wechatsim.ActCode, Code: -1})
	w.AwaitState(first, "parked", 30*time.Second)
	second := w.NewChannel(500, nil)
	w.must(w.Post(p, second))
	w.Until("the second job ends", 30*time.Second, func() bool { return w.ended(second) })
	w.Finish(p, second, Verdict{})
	w.Sim.Faults.Clear(id)
	w.Finish(p, first, Verdict{})
}
