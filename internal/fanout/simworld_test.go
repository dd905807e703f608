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
type fault uint64

// The faults.
const (
	slowDatabase fault = 1 << iota
	failingDatabase
	lostCommits
	staleReads // from a node of the database that lags behind
	databaseDown
	forgets // the database comes back as it was some time ago
	vanish  // the channel's row is away
	slowWeChat
	busyWeChat
	timeouts
	unknownCodes // now and then, and to some people always
	outages
	refuseAll // everybody is refused with one code
	strangers // messages of the account that are not pushd's
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
	standstills // freezes during which the process's clock stands still, too
	processClocks
	commands
	moves
	asksAgain // the start moves, and the platform asks for a new reminder
	switchedOff
	clockSteps
	shortDeadline
	twoProcesses
	threeProcesses
	twoJobs
	meddling  // the platform writes the status too
	staleSave // and saves a row that it read before
	longDown  // longer than the dedup window
	braked    // the owner allows a reminder now and then
	quietTime // and has quiet hours in the middle of what goes wrong
	firstFew  // and wants to look at the first recipients before the rest follow
	misfits   // the list begins with some who can never get it, by a code that may be about the job
	allFaults = 1<<iota - 1
)

// moments are the faults that happen at moments; the others are in the air.
const moments = databaseDown | forgets | vanish | outages | refuseAll | strangers | tokensRevoked | tokensStolen | phpDown |
	quotas | crashes | points | longDown | stops | freezes | standstills | processClocks | commands | moves | asksAgain |
	switchedOff | clockSteps | meddling | staleSave

var faultNames = strings.Fields(`slowDatabase failingDatabase lostCommits staleReads databaseDown forgets vanish
slowWeChat busyWeChat timeouts unknownCodes outages refuseAll strangers tokensRevoked tokensStolen phpDown quotas
minuteLimit churn oddPages personal poison crashes points stops freezes standstills processClocks commands moves
asksAgain switchedOff clockSteps shortDeadline twoProcesses threeProcesses twoJobs meddling staleSave longDown braked quietTime firstFew misfits`)

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
// plan, as far as the order of goroutines allows.
type sim struct {
	plan
	faults fault // all kinds of the plan
	start  time.Time

	cfg     Config
	brakes  simBrakes
	change  func(*Config) // of each process before it starts; may be nil
	ledger  *fakeLedger
	wechat  *fakeWeChat
	php     *fakePHP
	lives   int
	late    sync.WaitGroup // calls that land after their process gave them up
	all     sync.WaitGroup // engines
	doing   sync.WaitGroup // what happens, and people who do something
	outside outside
	// audience is that of all jobs, said by the channels, or by each POST.
	audience pushd.Audience
	byPost   bool

	mu        sync.Mutex
	processes []*process // the present life of each instance
	files     []*kept    // the counter that each instance keeps outside of the database
	restarts  []bool     // of the instances that are being restarted
	rolls     map[string]int
	downUntil time.Time // the database
	away      time.Time // the channel's row, until then
	pointAt   int       // how many points until a crash
	past      []moment  // of the database, every half second
	wrong     []string
	lines     []string
	tracing   bool
	atFirst   []pushd.OpenID // who had asked for the streams at the start
	damaged   bool           // a page of the ledger was damaged on purpose
}

// moment is the database as it was.
type moment struct {
	at     time.Time
	ledger *fakeLedger
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

// untilCalm is how long things may still go wrong.
func (w *sim) untilCalm() time.Duration { return w.calm() - time.Since(w.start) }

// has says whether a fault that is in the air may happen now.
func (w *sim) has(f fault) bool { return w.air&f != 0 && w.untilCalm() > 0 }

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

// newSim makes a world with what is in the air, and nothing else.
func newSim(seed uint64, air fault, tracing bool) *sim {
	return planned(plan{seed: seed, air: air}, tracing)
}

func planned(p plan, tracing bool) *sim {
	w := &sim{plan: p, faults: p.kinds(), start: time.Now(), rolls: map[string]int{}, tracing: tracing, outside: newOutside()}
	d := w.dice("world")
	w.ledger = newFakeLedger()
	w.wechat = newFakeWeChat(w, d)
	w.php = &fakePHP{w: w}
	w.php.renew()
	w.follow(40+d.IntN(200), d)
	w.choose(w.dice("audience"))
	w.cfg = Config{
		Concurrency: 8 << d.IntN(3), MaxJobs: 1 + d.IntN(2),
		Lease: 15 * time.Second, SendTimeout: 10 * time.Second, DedupWindow: 9 * time.Minute,
		Ambiguous: []Ambiguous{Resend, Unknown}[d.IntN(2)], Grace: 30 * time.Minute, Retention: 24 * time.Hour, JobRetention: 9600 * time.Hour, RefusalMemory: 720 * time.Hour,
		Location: time.UTC, StatusFailed: 3,
	}
	w.brake()
	on, status := true, pushd.StatusNotNotified
	begins := w.start.Add(3 * time.Hour).Unix()
	if w.faults&shortDeadline != 0 {
		begins = w.start.Add(time.Minute - w.cfg.Grace).Unix()
	}
	for id := pushd.ActID(1); id <= 2; id++ {
		ch, title := status, []string{"Go", "Rust"}[int(id-1)&d.IntN(2)]
		w.ledger.Channels[id] = &pushd.Channel{ActID: id, AppID: "wx1", Title: title, StartTime: begins, TemplateID: "tpl", LiveNotify: &on, ConfigEnabled: &on, Status: &ch, Brakes: pushd.Brakes{First: &w.brakes.first}}
		if !w.byPost {
			w.ledger.Channels[id].Audience = w.audience
		}
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
				w.wechat.codes[id] = fakePerson{code: 40241, puts: 1} // another message of the account, a moment ago
			case 3:
				w.wechat.codes[id] = fakePerson{code: 43117, puts: 1 + d.IntN(2)}
			}
		}
		if w.faults&unknownCodes != 0 && d.IntN(30) == 0 {
			w.wechat.codes[id] = fakePerson{code: 48003}
		}
	}
	if w.faults&misfits != 0 {
		code := []int{40003, 48003}[d.IntN(2)]
		for _, id := range w.wechat.followers[:1+d.IntN(min(n/2, 50))] { // each try asks some twenty
			w.wechat.codes[id] = fakePerson{code: code}
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
	w.mu.Lock()
	w.lives++
	life := w.lives
	for len(w.files) <= instance {
		w.files = append(w.files, &kept{})
	}
	file := savedBy{w.files[instance], w}
	w.mu.Unlock()
	p := newProcess(w, pushd.Owner{Instance: fmt.Sprintf("i%d", instance), Boot: fmt.Sprintf("i%d/%d", instance, life)})
	cfg := w.cfg
	cfg.Log = slog.New(slog.NewTextHandler(p, &slog.HandlerOptions{ReplaceAttr: noTime}))
	cfg.Ledger, cfg.WeChat, cfg.Tokens, cfg.Owner = wire{w.ledger, p}, phone{w.wechat, p}, p.tokens, p.owner
	cfg.Boottime, cfg.Counter = p.boottime, file
	cfg.Rand = rand.New(rand.NewPCG(w.seed, uint64(life)))
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
	w.mu.Lock()
	for len(w.processes) <= instance {
		w.processes = append(w.processes, nil)
	}
	w.processes[instance] = p
	w.mu.Unlock()
	w.trace("%s starts", p.owner.Boot)
}

// process is the present life of the instance that a number means.
func (w *sim) process(n int) *process {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.processes[n%len(w.processes)]
}

// pass is called at every named point: at one of them the process dies.
func (w *sim) pass(p *process) {
	w.mu.Lock()
	w.pointAt--
	hit := w.pointAt == 0
	w.mu.Unlock()
	if hit {
		w.kill(p)
	}
}

// kill is kill -9.
func (w *sim) kill(p *process) {
	if p.die() {
		w.trace("%s is killed", p.owner.Boot)
		p.stop()
	}
}

// remember keeps the database as it is every half second, for nodes that lag
// behind and copies that are restored.
func (w *sim) remember() {
	for w.untilCalm() > 0 {
		m := moment{time.Now(), w.ledger.Copy()}
		w.mu.Lock()
		w.past = append(w.past[max(0, len(w.past)-100):], m)
		w.mu.Unlock()
		time.Sleep(time.Second / 2)
	}
}

// ago returns the database as it was some time ago; nil is too long ago.
func (w *sim) ago(d time.Duration) *fakeLedger {
	w.mu.Lock()
	defer w.mu.Unlock()
	for i := len(w.past) - 1; i >= 0; i-- {
		if m := w.past[i]; time.Since(m.at) >= d {
			return m.ledger
		}
	}
	return nil
}

// savedBy is the file of an instance, as its present life reaches it.
type savedBy struct {
	*kept
	w *sim
}

func (f savedBy) Load() (pushd.Counter, error) {
	f.w.mu.Lock()
	defer f.w.mu.Unlock()
	return f.kept.Load()
}

func (f savedBy) Save(c pushd.Counter) error {
	f.w.mu.Lock()
	defer f.w.mu.Unlock()
	return f.kept.Save(c)
}
