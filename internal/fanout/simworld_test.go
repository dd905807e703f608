package fanout

import (
	"context"
	"fmt"
	"hash/fnv"
	"log/slog"
	"math/rand/v2"
	"strings"
	"sync"
	"time"

	"pushd"
)

// fault is a class of things that go wrong in a simulated world.
type fault uint32

// The faults.
const (
	slowDatabase fault = 1 << iota
	failingDatabase
	lostCommits
	databaseDown
	slowWeChat
	busyWeChat
	timeouts
	outages
	tokensRevoked
	tokensStolen // PHP gives another account's token
	phpDown
	quotas
	minuteLimit
	churn
	oddPages
	personal // people who can't receive, or are put off
	poison   // one whose sends are always answered -1
	crashes
	points // crashes at named points
	stops
	freezes
	commands
	moves
	switchedOff
	clockSteps
	shortDeadline
	twoProcesses
	twoJobs
	meddling  // the platform writes the status too
	longDown  // longer than the dedup window
	allFaults = 1<<iota - 1
)

// moments are the faults that happen at moments; the others are in the air.
const moments = databaseDown | outages | tokensRevoked | tokensStolen | phpDown | quotas | crashes | longDown |
	stops | freezes | commands | moves | switchedOff | clockSteps | meddling

var faultNames = strings.Fields(`slowDatabase failingDatabase lostCommits databaseDown slowWeChat busyWeChat
timeouts outages tokensRevoked tokensStolen phpDown quotas minuteLimit churn oddPages personal poison crashes
points stops freezes commands moves switchedOff clockSteps shortDeadline twoProcesses twoJobs meddling longDown`)

func (f fault) String() string {
	var names []string
	for i, name := range faultNames {
		if f>>i&1 == 1 {
			names = append(names, name)
		}
	}
	return strings.Join(names, " ")
}

// sim is everything around the engines: one database, one WeChat, one PHP,
// some processes, and what goes wrong with them. All of it follows from the
// seed, as far as the order of goroutines allows.
type sim struct {
	seed   uint64
	faults fault
	start  time.Time
	excuse fault // more than faults: what a job may end for

	cfg       Config
	change    func(*Config) // of each process before it starts; may be nil
	ledger    *fakeLedger
	wechat    *fakeWeChat
	php       *fakePHP
	processes []*process // the present life of each instance
	lives     int
	late      sync.WaitGroup // calls that land after their process gave them up
	all       sync.WaitGroup

	mu        sync.Mutex
	rolls     map[string]int
	calmAt    time.Duration // after which nothing goes wrong any more
	downUntil time.Time
	pointAt   int // how many points until a crash
	wrong     []string
	lines     []string
	tracing   bool
	damaged   bool // a page of the ledger was damaged on purpose
}

// dice are the dice of one event: the same for the same event of a seed,
// whatever else happens in what order.
func (w *sim) dice(what ...string) *rand.Rand {
	key := strings.Join(what, " ")
	w.mu.Lock()
	w.rolls[key]++
	n := w.rolls[key]
	w.mu.Unlock()
	h := fnv.New64a()
	fmt.Fprint(h, key, n)
	return rand.New(rand.NewPCG(w.seed, h.Sum64()))
}

func (w *sim) calm() bool { return w.untilCalm() <= 0 }

func (w *sim) untilCalm() time.Duration {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.calmAt - time.Since(w.start)
}

// postpone puts the calm off, by at most an hour in all.
func (w *sim) postpone(d time.Duration) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.calmAt = min(w.calmAt+d, time.Hour)
}

// has says whether a fault may happen now.
func (w *sim) has(f fault) bool { return w.faults&f != 0 && !w.calm() }

func (w *sim) down() bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	return time.Now().Before(w.downUntil)
}

func (w *sim) trace(format string, args ...any) {
	if !w.tracing {
		return
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	w.lines = append(w.lines, fmt.Sprintf("%9.3f ", time.Since(w.start).Seconds())+fmt.Sprintf(format, args...))
}

// violated notes that a promise was broken.
func (w *sim) violated(format string, args ...any) {
	text := fmt.Sprintf(format, args...)
	w.trace("VIOLATED: %s", text)
	w.mu.Lock()
	defer w.mu.Unlock()
	if len(w.wrong) < 10 {
		w.wrong = append(w.wrong, text)
	}
}

// Write takes the log of a process that lives into the trace.
func (p *process) Write(b []byte) (int, error) {
	if !p.crashed() {
		p.w.trace("  log %s", strings.TrimSpace(string(b)))
	}
	return len(b), nil
}

func newSim(seed uint64, faults fault, tracing bool) *sim {
	w := &sim{seed: seed, faults: faults, start: time.Now(), calmAt: 70 * time.Second, rolls: map[string]int{}, tracing: tracing}
	d := w.dice("world")
	w.ledger = newFakeLedger()
	w.wechat = &fakeWeChat{
		w: w, gone: map[pushd.OpenID]bool{}, people: map[recipient]*fakePerson{}, codes: map[pushd.OpenID]fakePerson{},
		used:     map[pushd.Token]time.Time{},
		pageSize: 5 + d.IntN(60), quota: -1, lies: 1 + d.IntN(3), foreign: "token-of-another-account",
	}
	w.php = &fakePHP{w: w}
	w.php.renew()
	w.follow(40+d.IntN(200), d)
	w.cfg = Config{
		Concurrency: 8 << d.IntN(3), MaxJobs: 1 + d.IntN(2),
		Lease: 15 * time.Second, SendTimeout: 10 * time.Second, DedupWindow: 9 * time.Minute,
		Ambiguous: []Ambiguous{Resend, Unknown}[d.IntN(2)], Grace: 30 * time.Minute, Retention: time.Hour,
		Location: time.UTC, StatusFailed: 3,
	}
	on, status := true, pushd.StatusNotNotified
	begins := w.start.Add(3 * time.Hour).Unix()
	if faults&shortDeadline != 0 {
		begins = w.start.Add(time.Minute - w.cfg.Grace).Unix()
	}
	for id := pushd.ActID(1); id <= 2; id++ {
		ch := status
		w.ledger.channels[id] = &pushd.Channel{ActID: id, AppID: "wx1", Title: "Go", StartTime: begins, TemplateID: "tpl", LiveNotify: &on, ConfigEnabled: &on, Status: &ch}
	}
	return w
}

func noTime(_ []string, a slog.Attr) slog.Attr {
	if a.Key == slog.TimeKey {
		return slog.Attr{}
	}
	return a
}

// follow makes n followers, some of them special.
func (w *sim) follow(n int, d *rand.Rand) {
	for i := range n {
		id := pushd.OpenID(fmt.Sprintf("o%04d", i))
		w.wechat.followers = append(w.wechat.followers, id)
		if w.faults&personal != 0 {
			switch d.IntN(30) {
			case 0:
				w.wechat.codes[id] = fakePerson{code: 43101}
			case 1:
				w.wechat.codes[id] = fakePerson{code: 43004}
			case 2:
				w.wechat.codes[id] = fakePerson{code: 48003}
			case 3:
				w.wechat.codes[id] = fakePerson{code: 40241, puts: 1} // another message of the account, a moment ago
			case 4:
				w.wechat.codes[id] = fakePerson{code: 43117, puts: 1 + d.IntN(2)}
			}
		}
	}
	if w.faults&poison != 0 {
		for range 1 + d.IntN(2) {
			w.wechat.codes[w.wechat.followers[d.IntN(n)]] = fakePerson{code: -1}
		}
	}
}

// boot starts a new life of an instance.
func (w *sim) boot(instance int) {
	w.lives++
	p := &process{
		w: w, owner: pushd.Owner{Instance: fmt.Sprintf("i%d", instance), Boot: fmt.Sprintf("i%d/%d", instance, w.lives)},
		ended: make(chan struct{}), dead: make(chan struct{}), thawed: make(chan struct{}),
	}
	close(p.thawed)
	cfg := w.cfg
	cfg.Log = slog.New(slog.NewTextHandler(p, &slog.HandlerOptions{ReplaceAttr: noTime}))
	p.tokens = newFakeTokens(p)
	cfg.Ledger, cfg.WeChat, cfg.Tokens, cfg.Owner = wire{w.ledger, p}, phone{w.wechat, p}, p.tokens, p.owner
	cfg.Boottime = func() time.Duration { return time.Since(w.start) }
	cfg.Rand = rand.New(rand.NewPCG(w.seed, uint64(w.lives)))
	cfg.Point = func(Point) { w.pass(p) }
	if w.change != nil {
		w.change(&cfg)
	}
	p.engine = New(cfg)
	ctx, stop := context.WithCancel(context.Background())
	p.stop = stop
	w.all.Go(func() {
		defer close(p.ended)
		_ = p.engine.Run(ctx, 15*time.Second)
	})
	for len(w.processes) <= instance {
		w.processes = append(w.processes, nil)
	}
	w.processes[instance] = p
	w.trace("%s starts", p.owner.Boot)
}

// pass is called at every named point: at one of them the process dies.
func (w *sim) pass(p *process) {
	w.mu.Lock()
	w.pointAt--
	hit := w.pointAt == 0
	w.mu.Unlock()
	if hit && !p.crashed() {
		w.kill(p)
	}
}

// kill is kill -9.
func (w *sim) kill(p *process) {
	w.trace("%s is killed", p.owner.Boot)
	close(p.dead)
	p.stop()
}

// judgeStart looks at the ledger at the moment when a send starts.
func (w *sim) judgeStart(p *process, r recipient) {
	job := w.ledger.sending(r.msg)
	owner, lasts := w.ledger.holder(job)
	if owner != p.owner || !lasts {
		if w.faults&clockSteps == 0 {
			w.violated("%s sends to %s without a lease (holder %s, lasts %v)", p.owner.Boot, r.to, owner.Boot, lasts)
		}
		return
	}
	if state, inDoubt, known := w.ledger.person(job, r.to); !known || !inDoubt {
		w.violated("%s sends to %s, who is %s and not in doubt in the ledger", p.owner.Boot, r.to, state.State)
	}
	if n := w.ledger.doubtful(job); n > 2*w.cfg.Concurrency*(1+w.ledger.lost(job)) {
		w.violated("%d people are in doubt at a concurrency of %d", n, w.cfg.Concurrency)
	}
}
