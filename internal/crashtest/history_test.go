package crashtest

import (
	"bytes"
	"cmp"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"os"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/anishathalye/porcupine"

	"pushd"
	"pushd/internal/mariadb"
	"pushd/internal/store"
)

// processes is how many share the ledger; two people command beside them.
const processes = 3

// TestHistory holds what three processes and two people saw of the ledger
// against a sequential model of it: their calls must have an order, each
// between its start and its answer, in which each answer is the right one. All
// at once, with answers that get lost, statements that are slow, conflicts, and
// callers that hang up.
func TestHistory(t *testing.T) {
	seed := *seedFlag
	if seed == 0 {
		seed = rand.Uint64()
	}
	t.Logf("replay what is drawn with -crash.seed=%d", seed)
	ledger := newSharedLedger(t)
	until := time.Now().Add(size(4*time.Second, 5*time.Minute))
	histories, calls, lost, undecided := 0, 0, 0, 0
	for ; histories < 3 || time.Now().Before(until); histories++ {
		h, initial := ledger.history(t, seed+uint64(histories))
		result, info := porcupine.CheckOperationsVerbose(ledgerModel(initial), h.ops, 20*time.Second)
		calls += len(h.ops)
		for _, op := range h.ops {
			if op.Return == never {
				lost++
			}
		}
		switch result {
		case porcupine.Illegal:
			t.Fatalf("history %d (seed %d) of %d calls has no such order\n%s\nall calls, by their starts (from, to in µs):\n%s\nsee %s",
				histories, seed+uint64(histories), len(h.ops), furthest(info, h.ops), inTime(h.ops), keep(t, ledgerModel(initial), info))
		case porcupine.Unknown: // too many answers were lost to try all orders
			undecided++
		}
	}
	t.Logf("%d histories, %d calls, %d answers lost, %d undecided", histories, calls, lost, undecided)
	if undecided > histories/4 {
		t.Errorf("%d of %d histories are undecided", undecided, histories)
	}
}

// furthest is how far an order can be found: its last calls, and those that
// come next by the clock.
func furthest(info porcupine.LinearizationInfo, all []porcupine.Operation) string {
	var longest []porcupine.Operation
	for _, partition := range info.PartialLinearizationsOperations() {
		for _, ops := range partition {
			if len(ops) > len(longest) {
				longest = ops
			}
		}
	}
	var text strings.Builder
	in := map[int64]bool{}
	for i, op := range longest {
		in[op.Call] = true
		if i >= len(longest)-12 {
			fmt.Fprintf(&text, "%3d %s\n", op.ClientId, describeCall(op.Input.(call), op.Output.(answer)))
		}
	}
	text.WriteString("and then one of\n")
	rest := slices.DeleteFunc(slices.Clone(all), func(op porcupine.Operation) bool { return in[op.Call] })
	slices.SortFunc(rest, func(x, y porcupine.Operation) int { return cmp.Compare(x.Call, y.Call) })
	for _, op := range rest[:min(len(rest), 5)] {
		fmt.Fprintf(&text, "%3d %s\n", op.ClientId, describeCall(op.Input.(call), op.Output.(answer)))
	}
	return text.String()
}

// inTime lists calls by their starts: what a seed does not replay is how they met.
func inTime(all []porcupine.Operation) string {
	var text strings.Builder
	for _, op := range slices.SortedFunc(slices.Values(all), func(x, y porcupine.Operation) int { return cmp.Compare(x.Call, y.Call) }) {
		to := "never"
		if op.Return != never {
			to = fmt.Sprint(op.Return / 1000)
		}
		fmt.Fprintf(&text, "%8d %8s %3d %s\n", op.Call/1000, to, op.ClientId, describeCall(op.Input.(call), op.Output.(answer)))
	}
	return text.String()
}

// keep writes the picture of a history to a file that outlives the test.
func keep(t *testing.T, m porcupine.Model, info porcupine.LinearizationInfo) string {
	t.Helper()
	f, err := os.CreateTemp("", "pushd-history-*.html")
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if err := porcupine.Visualize(m, info, f); err != nil {
		t.Fatal(err)
	}
	return f.Name()
}

// sharedLedger is a database and the ways of the processes into it.
type sharedLedger struct {
	server  *mariadb.Server
	name    string
	plain   *store.Store // past the proxies
	proxies []*Proxy
	acts    pushd.ActID
}

func newSharedLedger(t *testing.T) *sharedLedger {
	t.Helper()
	server, err := mariadb.Start(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { server.Stop() })
	l := &sharedLedger{server: server}
	if l.name, err = server.CreateDatabase(t.Context()); err != nil {
		t.Fatal(err)
	}
	schema, err := os.ReadFile("../../deploy/schema.sql")
	if err != nil {
		t.Fatal(err)
	}
	if err := server.Exec(t.Context(), l.name, string(schema)); err != nil {
		t.Fatal(err)
	}
	l.plain = l.open(t, server.DSN(l.name))
	if err := l.plain.Migrate(t.Context()); err != nil {
		t.Fatal(err)
	}
	for i := range processes {
		p, err := NewProxy(fmt.Sprintf("%s.%d", server.Socket(), i), server.Socket())
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(p.Close)
		l.proxies = append(l.proxies, p)
	}
	return l
}

func (l *sharedLedger) open(t *testing.T, dsn string) *store.Store {
	t.Helper()
	s, err := store.Open(t.Context(), store.Options{DSN: dsn, Logger: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close() })
	return s
}

// history lets all loose on two new jobs. Each process has a pool of its own.
func (l *sharedLedger) history(t *testing.T, seed uint64) (*history, books) {
	t.Helper()
	h := &history{begun: time.Now()}
	var initial books
	for i := range jobs {
		h.ids[i] = l.newJob(t, seed)
		initial[i] = row{state: pushd.Queued, epoch: 1, pageEpoch: 1}
	}
	var wg sync.WaitGroup
	n := size(28, 40)
	for i := range processes {
		l.proxies[i].Rule(troubled(rand.New(rand.NewPCG(seed, uint64(i)))))
		s := l.open(t, strings.Replace(l.server.DSN(l.name), l.server.Socket(), fmt.Sprintf("%s.%d", l.server.Socket(), i), 1))
		p := &process{no: i, h: h, store: s, r: rand.New(rand.NewPCG(seed, 10+uint64(i))), me: worker{i, 1}, leases: map[int]int64{}}
		wg.Go(func() { p.run(t.Context(), n) })
		if i < 2 {
			someone := &person{no: processes + i, h: h, store: s, r: rand.New(rand.NewPCG(seed, 20+uint64(i)))}
			wg.Go(func() { someone.run(t.Context(), n/2) })
		}
	}
	wg.Wait()
	for _, p := range l.proxies {
		p.Rule(nil)
	}
	return h, initial
}

// newJob makes a job with a page of one.
func (l *sharedLedger) newJob(t *testing.T, seed uint64) pushd.JobID {
	t.Helper()
	ctx := t.Context()
	l.acts++
	j, err := l.plain.Create(ctx, pushd.Job{
		ActID: l.acts, AppID: pushd.AppID(fmt.Sprintf("wx%d", seed)), StartTime: 1_900_000_000, Deadline: 1_900_000_000_000_000,
	})
	if err == nil {
		j, err = l.plain.Claim(ctx, pushd.Owner{Instance: "setup", Boot: "1"}, j.ID, time.Minute)
	}
	if err == nil {
		err = l.plain.StorePage(ctx, j.Lease(), pushd.Page{No: 1, OpenIDs: []pushd.OpenID{"o1"}}, pushd.Walk{Pass: 1, Pages: 1, Walked: 1, Cursor: "o1", Complete: true})
	}
	if err == nil {
		err = l.plain.Release(ctx, j.Lease())
	}
	if err != nil {
		t.Fatal(err)
	}
	return j.ID
}

// troubled is what happens to the statements of one process.
func troubled(r *rand.Rand) func([]byte) Fate {
	var mu sync.Mutex
	var lost atomic.Int64
	return func(s []byte) Fate {
		if !writes(s) {
			return Fate{}
		}
		mu.Lock()
		defer mu.Unlock()
		switch n := r.IntN(100); {
		case n < 3 && lost.Add(1) <= 2: // of these the checker tries all orders
			return Fate{LoseAnswer: true}
		case n < 6 && !bytes.HasPrefix(s, []byte("COMMIT")):
			return Fate{Error: 1213}
		case n < 10, n < 40 && bytes.HasPrefix(s, []byte("\nUPDATE pushd_progress")):
			// Its caller may have hung up and gone on before the server sees it.
			return Fate{Delay: time.Duration(r.IntN(20)) * time.Millisecond}
		case n < 30:
			return Fate{Delay: time.Duration(r.IntN(4000)) * time.Microsecond}
		}
		return Fate{}
	}
}

// The judge must be able to say no.
func TestHistory_Bites(t *testing.T) {
	initial := books{{state: pushd.Queued, epoch: 1, pageEpoch: 1}, {state: pushd.Queued, epoch: 1, pageEpoch: 1}}
	a, b := worker{0, 1}, worker{1, 1}
	claimed := func(by worker, epoch int64) answer { return answer{epoch: epoch, state: pushd.Running, by: by} }
	for _, tc := range []struct {
		name string
		good bool
		ops  []op
	}{
		{"ClaimWorkFinish", true, []op{
			{call{verb: vClaim, by: a}, claimed(a, 2)}, {call{verb: vRecord, epoch: 2, rev: 1, value: 7, by: a}, answer{}},
			{call{verb: vRead}, answer{value: 7}}, {call{verb: vFinish, epoch: 2, by: a}, answer{}}}},
		{"TwoClaims", false, []op{{call{verb: vClaim, by: a}, claimed(a, 2)}, {call{verb: vClaim, by: b}, claimed(b, 3)}}},
		{"TwoJobsOfTheAccount", false, []op{{call{verb: vClaim, by: a}, claimed(a, 2)}, {call{verb: vClaim, job: 1, by: b}, claimed(b, 2)}}},
		{"ClaimAfterALostRelease", true, []op{
			{call{verb: vClaim, by: a}, claimed(a, 2)}, {call{verb: vRelease, epoch: 2, by: a}, answer{unknown: true}},
			{call{verb: vClaim, by: b}, claimed(b, 3)}}},
		{"ALostReleaseThatDidNothing", true, []op{
			{call{verb: vClaim, by: a}, claimed(a, 2)}, {call{verb: vRelease, epoch: 2, by: a}, answer{unknown: true}},
			{call{verb: vClaim, by: b}, answer{err: pushd.ErrLost}}, {call{verb: vRecord, epoch: 2, rev: 1, value: 7, by: a}, answer{}}}},
		{"ZombieRecords", false, []op{
			{call{verb: vClaim, by: a}, claimed(a, 2)}, {call{verb: vRelease, epoch: 2, by: a}, answer{}},
			{call{verb: vClaim, by: b}, claimed(b, 3)}, {call{verb: vRecord, epoch: 2, rev: 1, value: 7, by: a}, answer{}}}},
		{"RecordBehindTheSums", false, []op{
			{call{verb: vClaim, by: a}, claimed(a, 2)}, {call{verb: vFinish, epoch: 2, by: a}, answer{}},
			{call{verb: vRecord, epoch: 2, rev: 1, value: 7, by: a}, answer{}}}},
		{"RecordOfACanceledJobThatGoesOn", false, []op{
			{call{verb: vClaim, by: a}, claimed(a, 2)}, {call{verb: vRelease, epoch: 2, by: a}, answer{}},
			{call{verb: vCancel}, answer{epoch: 2, state: pushd.Canceled}}, {call{verb: vContinue}, answer{epoch: 3, state: pushd.Queued}},
			{call{verb: vRecord, epoch: 2, rev: 1, value: 7, by: a}, answer{}}}},
		{"LapsedThoughRenewed", false, []op{
			{call{verb: vClaim, by: a}, claimed(a, 2)}, {call{verb: vLeases}, answer{leases: [jobs]seenLease{{2, 50}}}},
			{call{verb: vRenew, epoch: 2, by: a}, answer{}}, {call{verb: vLapse, epoch: 2, mark: 50}, answer{count: 1}}}},
		{"Lapsed", true, []op{
			{call{verb: vClaim, by: a}, claimed(a, 2)}, {call{verb: vLeases}, answer{leases: [jobs]seenLease{{2, 50}}}},
			{call{verb: vLapse, epoch: 2, mark: 50}, answer{count: 1}}, {call{verb: vRenew, epoch: 2, by: a}, answer{}}}},
		{"FinishAfterPause", false, []op{
			{call{verb: vClaim, by: a}, claimed(a, 2)}, {call{verb: vPause}, answer{epoch: 2, state: pushd.Paused}},
			{call{verb: vFinish, epoch: 2, by: a}, answer{}}}},
		{"ResumeKeepsTheEpochOfAFreeJob", false, []op{
			{call{verb: vPause}, answer{epoch: 1, state: pushd.Paused}}, {call{verb: vResume}, answer{epoch: 1, state: pushd.Queued}}}},
		{"LostWrite", false, []op{
			{call{verb: vClaim, by: a}, claimed(a, 2)}, {call{verb: vRecord, epoch: 2, rev: 1, value: 7, by: a}, answer{}},
			{call{verb: vRead}, answer{value: 0}}}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			if good := porcupine.CheckOperations(ledgerModel(initial), inOrder(tc.ops)); good != tc.good {
				t.Errorf("the history passes: %t", good)
			}
		})
	}
}

type op struct {
	call   call
	answer answer
}

// inOrder makes a history of calls that came one after the other.
func inOrder(ops []op) []porcupine.Operation {
	var all []porcupine.Operation
	for i, o := range ops {
		end := int64(2*i + 1)
		if o.answer.unknown {
			end = never
		}
		all = append(all, porcupine.Operation{ClientId: i, Input: o.call, Call: int64(2 * i), Output: o.answer, Return: end})
	}
	return all
}
