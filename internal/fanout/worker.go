package fanout

import (
	"time"

	"pushd"
)

// task is one send; result is what became of it.
type task struct {
	delivery *delivery
	token    pushd.Token
	letter   *pushd.Letter
}

type result struct {
	task
	answer  pushd.Answer
	at      time.Time // when it came
	took    time.Duration
	started bool // false: the lease ran out before it was sent
}

// work is one worker: it sends what it is given until there is no more.
func (r *run) work(tasks <-chan task, results chan<- result, done <-chan struct{}) {
	for t := range tasks {
		res := result{task: t}
		// The lease is looked at here, at the last moment: a process that
		// was frozen in between starts no send.
		if r.tenure.Holds() {
			res.started = true
			r.e.pass(PointSending)
			began := time.Now()
			r.sentAt.Store(began.UnixNano())
			res.answer = r.e.cfg.WeChat.Send(r.wire, t.token, t.letter, t.delivery.To)
			res.at = time.Now()
			res.took = res.at.Sub(began)
			r.e.pass(PointSent)
		}
		select {
		case results <- res:
		case <-done:
			return
		}
	}
}
