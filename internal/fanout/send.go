package fanout

import (
	"container/heap"
	"context"
	"errors"
	"time"
)

// sender sends one round of a job: everyone who is unsettled in the ledger
// when the round begins, and may be sent to, is sent to once or more, until
// they are settled or put off to a later round.
//
// One goroutine (loop) owns all of it; the others do one thing each and speak
// to it by channels: workers send, the recorder writes, the feeder reads, one
// asks for a token.
//
// A person's way: backlog ─admit─▶ admitted ─recorded─▶ ready ─▶ in flight ─▶
// settled, or later ─due─▶ ready. From admission on the ledger says "may have
// been told"; so nobody is ever sent to without the database knowing first.
// There are at most 2 × the current concurrency such people.
type sender struct {
	run    *run
	pacer  *pacer
	canary *canary
	sheets map[int]*sheet

	feed     <-chan batch
	backlog  []*ticket
	admitted []*ticket // wait for the record that is being written
	ready    []*ticket
	later    retryQueue
	inFlight int
	live     int // admitted and not settled

	tasks   chan task
	results chan result
	done    chan struct{} // closed when the loop has ended
	workers int

	recording bool
	recorded  chan error
	lastWrite time.Time
	wroteAt   time.Time     // when the last record was begun
	wrote     time.Duration // how long a record takes, smoothed
	took      time.Duration // and a send

	token   Token
	tokens  chan tokenAnswer
	asking  bool
	refused []*ticket // their token was refused; they wait for the next
	looking bool      // somebody looks whether there is a newer token
	looked  chan look
	lookAt  time.Time
	gated   bool  // no more than the canary's size until a success
	works   Token // the token that is known to work

	lastGood time.Time // or when the round began
	bad      int       // people with a bad answer since
	era      int       // rises with every good answer
	unsent   bool      // the last of them could not even be sent
	probing  bool      // WeChat is down; one send a second
	probeAt  time.Time

	stop error // why the round stops early
}

// task is one send; result is what became of it.
type task struct {
	t     *ticket
	token Token
}

type result struct {
	task
	answer  Answer
	at      time.Time // when it came
	took    time.Duration
	started bool // false: the lease ran out before it was sent
}

type tokenAnswer struct {
	token Token
	err   error
}

// look is what came of looking for a token newer than was.
type look struct {
	was Token
	tokenAnswer
}

// downAfter is how long WeChat gives no good answer, to several people, until
// it counts as down; the probe then goes out once a second.
const (
	downAfter  = 3 * time.Second
	downPeople = 5
	probeEvery = time.Second
	maxTries   = 8 // busy answers to one person while others get good ones
	// patience is how long the last few people of a job, too few to tell
	// their trouble from WeChat's, are tried when nobody gets a good answer.
	patience  = 2 * time.Minute
	lookEvery = time.Second // for a token that was renewed by age
)

func newSender(r *run, feed <-chan batch) *sender {
	return &sender{
		run: r, pacer: r.account.pacer, canary: &r.canary, sheets: map[int]*sheet{}, feed: feed,
		tasks: make(chan task), results: make(chan result, 64), done: make(chan struct{}), recorded: make(chan error, 1),
		tokens: make(chan tokenAnswer, 1), looked: make(chan look, 1), lastWrite: time.Now(), lastGood: time.Now(),
		era: 1, probing: r.held.Load(), // an earlier round found WeChat down
	}
}

// loop runs the round. It returns nil when everyone is settled or put off,
// else why it stopped; what it knows is in the ledger then, unless the lease
// is lost.
func (s *sender) loop(ctx, soft context.Context) error {
	defer close(s.tasks)
	defer close(s.done)
	defer func() { s.pacer.drop(s.inFlight) }() // whose answers come too late
	if err := s.firstToken(ctx, soft); err != nil {
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
		if s.stop != nil || len(s.backlog) >= 2*s.pacer.limit() {
			feed = nil
		}
		timer.Reset(wait)
		select {
		case b, ok := <-feed:
			s.take(b, ok)
		case r := <-s.results:
			s.finished(r)
			s.drain()
		case err := <-s.recorded:
			if err := s.landed(err); err != nil {
				return err
			}
		case a := <-s.tokens:
			s.renewed(a)
		case a := <-s.looked:
			s.found(a)
		case <-stopped:
			stopped = nil
			s.halt(context.Cause(soft))
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
			s.finished(r)
		default:
			return
		}
	}
}

// firstToken waits for a token, and for the message.
func (s *sender) firstToken(ctx, soft context.Context) error {
	select {
	case <-s.run.prepared:
	case <-soft.Done():
		return context.Cause(soft)
	}
	tok, err := s.run.e.cfg.Tokens.Token(soft, s.run.job.AppID, s.run.job.ActID)
	if err != nil {
		if soft.Err() != nil {
			return context.Cause(soft)
		}
		return parkForToken(s.run.e.clock.now(), err)
	}
	s.useToken(tok)
	return nil
}

// advance does everything that can be done now, and returns how long until
// there is something to do that no channel will tell.
func (s *sender) advance(ctx context.Context, now time.Time) time.Duration {
	wait := recordEvery
	if s.stop != nil {
		if s.inFlight == 0 {
			s.leaveAll()
			s.record(ctx, now, true)
		}
		return wait
	}
	for len(s.later) > 0 && !s.later[0].due.After(now) {
		s.again(heap.Pop(&s.later).(delayed).ticket)
	}
	for s.probing && len(s.ready) == 0 && len(s.later) > 0 { // somebody has to be the probe
		s.again(heap.Pop(&s.later).(delayed).ticket)
	}
	if len(s.later) > 0 {
		wait = min(wait, s.later[0].due.Sub(now))
	}
	wait = min(wait, s.start(now))
	s.checkDown(now)
	if s.exhausted() {
		s.conclude()
	}
	if s.stop == nil && len(s.ready) <= s.low() {
		s.admit()
	}
	s.record(ctx, now, s.exhausted())
	s.look(now)
	s.run.inFlight.Store(int64(s.inFlight))
	s.run.idle.Store(len(s.backlog) == 0 && s.live == 0)
	return max(wait, 0)
}

// low is how few people may be ready before more are let in: twice as many as
// go while the record of the next is written. The fewer, the more people share
// a statement.
func (s *sender) low() int {
	half := s.pacer.limit() / 2
	if s.took == 0 || s.wrote >= s.took/4 {
		return half
	}
	return half * int(4*s.wrote/time.Microsecond) / int(s.took/time.Microsecond+1)
}

// admit lets people in until as many are in doubt as may be.
func (s *sender) admit() {
	if s.recording {
		return
	}
	n := min(len(s.backlog), max(0, 2*s.pacer.limit()-s.live))
	if n == 0 {
		return
	}
	at := s.run.e.clock.now()
	for _, t := range s.backlog[:n] {
		if t.askedAt == 0 {
			t.askedAt = at
		}
		if s.forgotten(t, at) && s.run.e.cfg.Ambiguous != Unknown {
			t.counted = true // in the ledger before it can happen
			t.sheet.counts.InDoubt++
		}
		t.sheet.admit(t)
		s.live++
	}
	s.admitted = append(s.admitted, s.backlog[:n]...)
	s.backlog = append(s.backlog[:0], s.backlog[n:]...)
}

// start starts as many sends as may be in flight now.
func (s *sender) start(now time.Time) (wait time.Duration) {
	wait = recordEvery
	if len(s.ready) == 0 {
		return wait
	}
	at := s.run.e.clock.now()
	if at >= s.run.deadline() {
		return wait // whoever watches the deadline may be held up by the database
	}
	if !s.run.tenure.holds() { // each worker looks again
		return 100 * time.Millisecond
	}
	for len(s.ready) > 0 {
		switch {
		case s.stop != nil, s.asking, s.inFlight >= s.pacer.limit():
			return wait
		case s.probing && s.inFlight > 0:
			return wait
		case s.probing && now.Before(s.probeAt):
			return min(wait, s.probeAt.Sub(now))
		case s.gated && s.inFlight+len(s.canary.armed) >= canarySize:
			return wait
		}
		t := s.ready[0]
		if !s.mayAsk(t, at) {
			s.ready = s.ready[1:]
			continue
		}
		if d := s.pacer.start(now); d > 0 {
			return min(wait, d)
		}
		s.ready = s.ready[1:]
		s.ask(t, at)
		if s.probing {
			s.probeAt = now.Add(probeEvery)
		}
		if s.inFlight == s.workers {
			s.workers++
			s.run.wg.Go(func() { s.run.work(s.tasks, s.results, s.done) })
		}
		s.inFlight++
		s.tasks <- task{t, s.token}
	}
	return wait
}

// take takes a batch from the feeder.
func (s *sender) take(b batch, ok bool) {
	if !ok {
		s.feed = nil
		return
	}
	if s.sheets[b.sheet.no] == nil {
		s.sheets[b.sheet.no] = b.sheet
	}
	for _, t := range b.tickets {
		if only := s.run.e.cfg.Only; only != nil && !only[t.openID] {
			t.sheet.settle(t.index, PersonSkipped, CodeNotOnList)
		} else if t.late {
			t.sheet.settle(t.index, PersonFailed, int(t.person().Code))
		} else {
			s.backlog = append(s.backlog, t)
			t.sheet.queue++
		}
	}
	if b.last {
		b.sheet.fed = true
	}
}

// forgotten says that WeChat would take the next try of a person in doubt for
// a new message at now. It is asked at the last moment, for people may have
// waited long.
func (s *sender) forgotten(t *ticket, now Time) bool {
	age := now.Sub(t.askedAt)
	return t.ambiguous && (t.askedAt == 0 || age < -time.Second || age >= s.run.e.cfg.DedupWindow)
}

// mayAsk decides about a person in doubt whom WeChat has forgotten: they are
// left, if that is the setting.
func (s *sender) mayAsk(t *ticket, now Time) bool {
	if s.run.e.cfg.Ambiguous != Unknown || !s.forgotten(t, now) {
		return true
	}
	code := int(t.sheet.people[t.index].Code)
	if code == 0 {
		code = CodeInDoubt
	}
	s.settle(t, PersonUnknown, code)
	return false
}

// ask notes that a person is asked for now, and whether that may tell them
// twice.
func (s *sender) ask(t *ticket, now Time) {
	if s.forgotten(t, now) {
		t.ambiguous, t.maybe = false, true
		if !t.counted { // it got too old while it waited
			t.sheet.counts.InDoubt++
			t.sheet.dirty = true
		}
		t.counted = false
	}
	if !t.ambiguous {
		t.askedAt = now
	}
}

// again makes a person ready for another try.
func (s *sender) again(t *ticket) { s.ready = append(s.ready, t) }

// settle ends a ticket with an outcome.
func (s *sender) settle(t *ticket, state PersonState, code int) {
	if t.sheet.live[t.index] == t {
		s.live--
	}
	t.sheet.settle(t.index, state, code)
}

// release settles a suspect whom the canary held back.
func (s *sender) release(sp spot) {
	sp.sheet.held--
	state := PersonSkipped
	if !aboutPerson(sp.code) {
		state = PersonFailed // tried often enough; a retry may reach them
	}
	sp.sheet.settle(sp.index, state, sp.code)
}

// conclude judges the suspects of a round that has sent to everyone. Where
// nobody was ever told and not all have merely unsubscribed, it is the job
// that is wrong, however few its people are.
func (s *sender) conclude() {
	if sp, wrong := s.canary.worst(); wrong && !s.run.told.Load() {
		s.halt(&mismatch{token: s.token, worked: s.works == s.token, code: sp.code})
		return
	}
	for _, sp := range s.canary.flush() {
		s.release(sp)
	}
}

// exhausted says that nobody is left to send to in this round.
func (s *sender) exhausted() bool {
	return s.feed == nil && len(s.backlog) == 0 && s.live == 0 && s.inFlight == 0
}

// over says that the round has ended and the ledger has it all.
func (s *sender) over() bool {
	if s.recording || s.inFlight > 0 || s.stop == nil && !s.exhausted() {
		return false
	}
	for _, sh := range s.sheets {
		if sh.dirty {
			return false
		}
	}
	return s.stop != nil || !s.asking
}

// halt makes the round stop: nothing starts any more, what is in flight is
// finished and recorded.
func (s *sender) halt(cause error) {
	if s.stop == nil {
		s.stop = cause
	}
}

// leaveAll gives everyone back who has a ticket: those who may have been told
// stay in doubt, the others may be sent to again.
func (s *sender) leaveAll() {
	s.clear()
	for _, sh := range s.sheets {
		for _, t := range sh.live {
			if t.counted {
				sh.counts.InDoubt--
			}
			if t.ambiguous || t.maybe {
				sh.leave(t, int(sh.people[t.index].Code))
			} else {
				sh.settle(t.index, Refused, int(sh.people[t.index].Code))
			}
		}
		sh.fed, sh.queue = true, 0
	}
	s.live, s.backlog, s.ready, s.later, s.refused = 0, nil, nil, nil, nil
}

// clear settles the suspects whom the canary still holds back, when the round
// stops for a reason that says nothing about them: they need not be asked
// again. A job that ends, or does not fit its account, keeps them unsent.
func (s *sender) clear() {
	var m *mismatch
	var e *ended
	if !s.canary.proven || errors.As(s.stop, &m) || errors.As(s.stop, &e) {
		return
	}
	for _, sp := range s.canary.flush() {
		s.release(sp)
	}
}

// record writes what has changed, in a goroutine of its own so that sending
// goes on. now-or-never: when admitted people wait, when it is time, or when
// force is set.
func (s *sender) record(ctx context.Context, now time.Time, force bool) {
	if s.recording {
		return
	}
	if !force && len(s.admitted) == 0 && now.Sub(s.lastWrite) < recordEvery {
		return
	}
	var rows []Progress
	for _, sh := range s.sheets {
		if sh.dirty {
			rows = append(rows, sh.progress())
			sh.dirty = false
		}
	}
	if len(rows) == 0 {
		s.lastWrite = now
		return
	}
	s.recording, s.wroteAt = true, time.Now()
	s.run.wg.Go(func() { s.recorded <- s.run.record(ctx, rows) })
}

// landed takes the answer to a record.
func (s *sender) landed(err error) error {
	s.recording = false
	now := time.Now()
	s.wrote += (now.Sub(s.wroteAt) - s.wrote) / 4
	s.lastWrite = now
	if err != nil {
		return err
	}
	s.ready = append(s.ready, s.admitted...)
	s.admitted = s.admitted[:0]
	for no, sh := range s.sheets {
		if sh.idle() {
			delete(s.sheets, no)
		}
	}
	return nil
}

// checkDown notices that WeChat gives no good answer to anybody.
func (s *sender) checkDown(now time.Time) {
	enough := downPeople
	if !s.run.told.Load() || s.unsent {
		enough = max(1, min(enough, s.live)) // nobody has shown that WeChat answers others
	}
	if s.probing || s.stop != nil || s.bad < enough || now.Sub(s.lastGood) < downAfter {
		return
	}
	s.probing, s.probeAt = true, now
	s.run.hold(Parking{Reason: WeChatDown, Detail: "WeChat has answered nothing good for 3 s; pushd asks once a second and goes on by itself"})
}

// revived ends the probing after a good answer.
func (s *sender) revived() {
	s.probing = false
	if err := s.run.unhold(); err != nil {
		s.halt(err)
		return
	}
	for len(s.later) > 0 { // their delays were counted against a WeChat that was down
		t := heap.Pop(&s.later).(delayed).ticket
		t.tries, t.badSince = 0, time.Time{}
		s.again(t)
	}
}

// delayed is a ticket that waits for its next try.
type delayed struct {
	due    time.Time
	ticket *ticket
}

// retryQueue is a heap of delayed tickets, the earliest first.
type retryQueue []delayed

func (q retryQueue) Len() int           { return len(q) }
func (q retryQueue) Less(i, j int) bool { return q[i].due.Before(q[j].due) }
func (q retryQueue) Swap(i, j int)      { q[i], q[j] = q[j], q[i] }
func (q *retryQueue) Push(x any)        { *q = append(*q, x.(delayed)) }
func (q *retryQueue) Pop() any {
	old := *q
	d := old[len(old)-1]
	*q = old[:len(old)-1]
	return d
}
