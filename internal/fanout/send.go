package fanout

import (
	"container/heap"
	"context"
	"time"

	"pushd"
	"pushd/internal/fanout/allowance"
	"pushd/internal/fanout/breaker"
	"pushd/internal/fanout/outage"
	"pushd/internal/fanout/pagebuffer"
	"pushd/internal/fanout/sendtoken"
	"pushd/internal/pace"
)

// delivery is one recipient being sent to.
type delivery = pagebuffer.Delivery

// sender sends one round of a job: everyone who is unsettled in the ledger
// when the round begins, and may be sent to, is sent to once or more, until
// they are settled or put off to a later round.
//
// One goroutine (loop) owns all of it; the others do one thing each and speak
// to it by channels: workers send, one writes a record, the feeder reads, one
// asks for a token.
//
// A recipient's way: backlog ─admit─▶ admitted ─recorded─▶ ready ─▶ in flight ─▶
// settled, or later ─due─▶ ready. From the record on the ledger says that they may
// have the message, so no message is sent that the database does not know of first.
// There are at most 2 × the current concurrency such recipients.
type sender struct {
	run     *run
	pacer   *pace.Pacer
	breaker *breaker.Breaker[pagebuffer.Place]
	pages   map[int]*pagebuffer.Buffer

	feed     <-chan batch
	first    *allowance.Allowance // the feeder's, until feed is closed
	backlog  []*delivery
	admitted []*delivery // wait for the record that is being written
	ready    []*delivery
	later    retryQueue
	inFlight int
	live     int // admitted and not settled

	tasks   chan task
	results chan result
	done    chan struct{} // closed when the loop has ended
	workers int

	took time.Duration // how long a send takes, smoothed

	recording recording
	token     sendtoken.Token
	tokens    tokens
	outage    outage.Watch

	last bool  // it sends to those who come behind the others
	stop error // why the round stops early
}

func newSender(r *run, f *feeder) *sender {
	return &sender{
		run: r, pacer: r.account.Pacer, breaker: &r.breaker, pages: map[int]*pagebuffer.Buffer{}, feed: f.out, first: f.first,
		tasks: make(chan task), results: make(chan result, 64), done: make(chan struct{}),
		recording: newRecording(time.Now()), tokens: newTokens(), outage: outage.New(time.Now(), r.probing.Load()),
	}
}

// loop runs the round. It returns nil when everyone is settled or put off,
// else why it stopped; what it knows is in the ledger then, unless the lease
// is lost.
func (s *sender) loop(ctx, soft context.Context) error {
	defer close(s.tasks)
	defer close(s.done)
	defer func() { s.pacer.Drop(s.inFlight) }() // whose answers come too late
	if err := s.firstToken(soft); err != nil {
		s.stop = err
	}
	timer := time.NewTimer(time.Hour)
	defer timer.Stop()
	stopped := soft.Done()
	for {
		wait := s.advance(ctx, time.Now())
		if s.over() {
			return s.stop
		}
		feed := s.feed
		if s.stop != nil || len(s.backlog) >= 2*s.pacer.Limit() {
			feed = nil
		}
		timer.Reset(wait)
		select {
		case b, ok := <-feed:
			s.onBatch(b, ok)
		case r := <-s.results:
			s.onAnswer(r)
			s.drain()
		case err := <-s.recording.done:
			if err := s.onRecorded(err); err != nil {
				return err
			}
		case a := <-s.tokens.answers:
			s.onToken(a)
		case a := <-s.tokens.polls:
			s.onTokenPolled(a)
		case <-stopped:
			stopped = nil
			s.stopRound(context.Cause(soft))
		case <-ctx.Done():
			return context.Cause(ctx)
		case <-timer.C:
		}
	}
}

// drain takes the results that have come meanwhile, so that one turn of the
// loop serves them all.
func (s *sender) drain() {
	for {
		select {
		case r := <-s.results:
			s.onAnswer(r)
		default:
			return
		}
	}
}

// advance does everything that can be done now, and returns after how long it is to
// be called again at the latest: a try falls due then, or a send is allowed, and no
// channel says so.
func (s *sender) advance(ctx context.Context, now time.Time) time.Duration {
	wait := recordEvery
	if s.stop == nil {
		wait = s.goOn(ctx, now)
	}
	if s.stop != nil && s.inFlight == 0 { // maybe since this moment: no recipient may stay admitted
		s.returnAll()
		s.record(ctx, now, true)
	}
	return wait
}

// goOn is advance of a round that has not been stopped. It may stop it.
func (s *sender) goOn(ctx context.Context, now time.Time) time.Duration {
	wait := recordEvery
	for len(s.later) > 0 && !s.later[0].due.After(now) {
		s.again(heap.Pop(&s.later).(delayed).delivery)
	}
	for s.outage.Probing() && len(s.ready) == 0 && len(s.later) > 0 { // one of them has to be the probe
		s.again(heap.Pop(&s.later).(delayed).delivery)
	}
	if len(s.later) > 0 {
		wait = min(wait, s.later[0].due.Sub(now))
	}
	wait = min(wait, s.start(now))
	s.checkDown(now)
	if s.exhausted() {
		s.judgeSuspects()
	}
	if s.stop == nil && len(s.ready) <= s.lowWater() {
		s.admit()
	}
	s.record(ctx, now, s.exhausted())
	s.pollToken(now)
	s.run.inFlight.Store(int64(s.inFlight)) // for those who look on
	s.run.idle.Store(len(s.backlog) == 0 && s.live == 0)
	return max(wait, 0)
}

// start starts as many sends as may be in flight now, and returns as advance does.
func (s *sender) start(now time.Time) (wait time.Duration) {
	wait = recordEvery
	if len(s.ready) == 0 {
		return wait
	}
	at := s.run.e.clock.Now()
	if at >= s.run.deadline() {
		return wait // whoever watches the deadline may be held up by the database
	}
	if quiet := s.run.quietNow(at); quiet != nil {
		s.stopRound(quiet)
		return wait
	}
	if !s.run.tenure.Holds() { // each worker looks again
		return 100 * time.Millisecond
	}
	for len(s.ready) > 0 {
		switch {
		case s.stop != nil, s.token.Asking(), s.inFlight >= s.pacer.Limit():
			return wait
		case s.outage.Probing() && s.inFlight > 0:
			return wait
		case s.outage.Probing() && now.Before(s.outage.NextProbe()):
			return min(wait, s.outage.NextProbe().Sub(now))
		case s.token.Gated() && s.inFlight+s.breaker.Held() >= breaker.Size:
			return wait
		}
		d := s.ready[0]
		if !s.maySend(d, at) {
			s.ready = s.ready[1:]
			continue
		}
		if pause := s.pacer.Start(now); pause > 0 {
			return min(wait, pause)
		}
		s.ready = s.ready[1:]
		d.Sending(at, s.run.e.cfg.DedupWindow)
		s.outage.Started(now)
		if s.inFlight == s.workers {
			s.workers++
			s.run.wg.Go(func() { s.run.work(s.tasks, s.results, s.done) })
		}
		s.inFlight++
		s.tasks <- task{d, s.token.Current(), s.run.letters.At(at)}
	}
	return wait
}

// onBatch takes a batch from the feeder.
func (s *sender) onBatch(b batch, ok bool) {
	if !ok {
		s.feed = nil
		return
	}
	if s.pages[b.page.No()] == nil {
		s.pages[b.page.No()] = b.page
	}
	for _, spared := range b.spared {
		s.settle(spared.delivery, pushd.PersonSkipped, spared.code)
		s.run.e.counters.Unasked(spared.code)
	}
	for _, d := range b.deliveries {
		if d.Late() {
			s.giveUp(d, int(d.Person().Code))
		} else {
			s.backlog = append(s.backlog, d)
			d.Queue()
		}
	}
	if b.last {
		b.page.Fed()
	}
}

// exhausted says that no recipient is left in this round.
func (s *sender) exhausted() bool {
	return s.feed == nil && len(s.backlog) == 0 && s.live == 0 && s.inFlight == 0
}

// over says that the round has ended and the ledger has it all.
func (s *sender) over() bool {
	if s.recording.underway || s.inFlight > 0 || s.stop == nil && !s.exhausted() {
		return false
	}
	for _, page := range s.pages {
		if page.Dirty() {
			return false
		}
	}
	return s.stop != nil || !s.token.Asking()
}

// stopRound makes the round stop: nothing starts any more, what is in flight is
// finished and recorded.
func (s *sender) stopRound(cause error) {
	if s.stop == nil {
		s.stop = cause
	}
}
