package crashtest

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"strconv"
	"sync"
	"time"

	"github.com/anishathalye/porcupine"

	"pushd"
	"pushd/internal/store"
)

// history is what the clients saw.
type history struct {
	ids   [jobs]pushd.JobID
	begun time.Time

	mu  sync.Mutex
	ops []porcupine.Operation
}

// do makes a call and notes it. A call whose answer was lost ends never.
func (h *history) do(client int, c call, f func() (answer, error)) answer {
	from := time.Since(h.begun).Nanoseconds()
	a, err := f()
	to := time.Since(h.begun).Nanoseconds()
	switch {
	case err == nil:
	case errors.Is(err, pushd.ErrLost), errors.Is(err, pushd.ErrAccountBusy):
		a = answer{err: err}
	default:
		a, to = answer{unknown: true}, never
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	h.ops = append(h.ops, porcupine.Operation{ClientId: client, Input: c, Call: from, Output: a, Return: to})
	return a
}

// patience bounds a call; some are hung up while they are under way.
const patience = 2 * time.Second

// process is a pushd as far as the ledger can see: one worker that claims,
// renews, records and ends, and watches the leases of the others. It forgets
// nothing when it should: it goes on with leases that it has lost, as a process
// does that was frozen.
type process struct {
	no     int
	h      *history
	store  *store.Store
	r      *rand.Rand
	me     worker
	leases map[int]int64 // job → epoch, lost ones too
	seen   [jobs]seenLease
	rev    int64
	value  int
}

func (p *process) owner() pushd.Owner {
	// Of the jobs of other histories in the database none is its own.
	return pushd.Owner{Instance: fmt.Sprintf("p%d-%s", p.me.process, p.h.ids[0]), Boot: strconv.Itoa(p.me.boot)}
}

// run makes n random calls.
func (p *process) run(ctx context.Context, n int) {
	for range n {
		p.once(ctx)
	}
}

func (p *process) once(ctx context.Context) {
	limit := patience
	if p.r.IntN(14) == 0 {
		limit = time.Duration(p.r.IntN(5000)) * time.Microsecond // it hangs up
	}
	ctx, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	job := p.r.IntN(jobs)
	if p.r.IntN(25) == 0 {
		p.restart(ctx)
		return
	}
	epoch, mine := p.leases[job]
	if !mine || p.r.IntN(4) == 0 {
		p.watch(ctx, job)
		return
	}
	p.work(ctx, job, epoch)
}

// restart is kill -9 and the next start.
func (p *process) restart(ctx context.Context) {
	p.me.boot++
	clear(p.leases)
	p.h.do(p.no, call{verb: vTakeBack, by: p.me}, func() (a answer, err error) {
		a.count, err = p.store.TakeBack(ctx, p.owner())
		return a, err
	})
}

// watch looks at the leases, frees one, or claims.
func (p *process) watch(ctx context.Context, job int) {
	switch p.r.IntN(3) {
	case 0:
		a := p.h.do(p.no, call{verb: vLeases}, func() (answer, error) { return p.h.observe(ctx, p.store) })
		if !a.unknown {
			p.seen = a.leases
		}
	case 1:
		seen := p.seen[job]
		if seen == (seenLease{}) {
			return
		}
		p.h.do(p.no, call{verb: vLapse, job: job, epoch: seen.epoch, mark: seen.mark}, func() (a answer, err error) {
			freed, err := p.store.Lapse(ctx, pushd.Observation{Lease: p.h.lease(job, seen.epoch), Mark: seen.mark})
			if freed {
				a.count = 1
			}
			return a, err
		})
	case 2:
		a := p.h.do(p.no, call{verb: vClaim, job: job, by: p.me}, func() (answer, error) {
			j, err := p.store.Claim(ctx, p.owner(), p.h.ids[job], time.Minute)
			return shown(j), err
		})
		if !a.unknown && a.err == nil {
			p.leases[job] = a.epoch
		}
	}
}

// work does something under a lease.
func (p *process) work(ctx context.Context, job int, epoch int64) {
	l := p.h.lease(job, epoch)
	c := call{job: job, epoch: epoch, by: p.me}
	plain := func(v verb, f func() error) {
		c.verb = v
		p.h.do(p.no, c, func() (answer, error) { return answer{}, f() })
	}
	switch n := p.r.IntN(12); {
	case n < 4:
		if p.record(ctx, job, epoch).unknown { // as pushd does; the first may land after the second
			ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), patience)
			defer cancel()
			p.record(ctx, job, epoch)
			p.read(ctx, job)
		}
	case n < 7:
		plain(vRenew, func() error {
			lost, err := p.store.Renew(ctx, p.owner(), time.Minute, []pushd.Held{{Lease: l}})
			if err == nil && len(lost) > 0 {
				err = pushd.ErrLost
			}
			return err
		})
	case n < 9:
		p.read(ctx, job)
	case n == 9:
		plain(vRelease, func() error { return p.store.Release(ctx, l) })
	case n == 10:
		plain(vPark, func() error { return p.store.Park(ctx, l, pushd.Parking{Reason: pushd.WeChatDown}) })
	case n == 11:
		plain(vFinish, func() error {
			return p.store.Finish(ctx, l, pushd.Ending{State: pushd.Failed, Reason: pushd.WeChatRefused})
		})
	}
	if p.r.IntN(12) == 0 {
		delete(p.leases, job) // else it goes on, lease or not
	}
}

// record writes something new.
func (p *process) record(ctx context.Context, job int, epoch int64) answer {
	p.rev++
	p.value++
	c := call{verb: vRecord, job: job, epoch: epoch, by: p.me, rev: p.rev, value: 1000*(p.no+1) + p.value}
	if p.r.IntN(8) == 0 { // it hangs up
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, time.Duration(1+p.r.IntN(5))*time.Millisecond)
		defer cancel()
	}
	return p.h.do(p.no, c, func() (answer, error) {
		return answer{}, p.store.Record(ctx, p.h.lease(job, epoch), []pushd.Progress{progressOf(c.value)})
	})
}

func (p *process) read(ctx context.Context, job int) {
	p.h.do(p.no, call{verb: vRead, job: job}, func() (a answer, err error) {
		rows, err := p.store.Progress(ctx, p.h.ids[job], 1, 1)
		if err == nil {
			a.value = int(rows[0].DoubtAt)
		}
		return a, err
	})
}

// person is somebody at the API of a process.
type person struct {
	no    int
	h     *history
	store *store.Store
	r     *rand.Rand
}

func (p *person) run(ctx context.Context, n int) {
	for range n {
		job := p.r.IntN(jobs)
		ctx, cancel := context.WithTimeout(ctx, patience)
		switch p.r.IntN(6) {
		case 0:
			p.command(ctx, vPause, job, pushd.Command{From: pushd.ActiveStates, To: pushd.Paused})
		case 1, 2:
			p.command(ctx, vResume, job, pushd.Command{From: pushd.ActiveStates, Resume: true})
		case 3:
			p.command(ctx, vCancel, job, pushd.Command{From: pushd.ActiveStates, To: pushd.Canceled, Reason: pushd.CanceledByUser})
		case 4:
			p.command(ctx, vContinue, job, pushd.Command{
				From: []pushd.State{pushd.Failed, pushd.Expired, pushd.Canceled}, To: pushd.Queued, Recompose: true})
		case 5:
			p.h.do(p.no, call{verb: vShow, job: job}, func() (answer, error) {
				j, err := p.store.Job(ctx, p.h.ids[job])
				return shown(j), err
			})
		}
		cancel()
	}
}

func (p *person) command(ctx context.Context, v verb, job int, cmd pushd.Command) {
	p.h.do(p.no, call{verb: v, job: job}, func() (answer, error) {
		j, err := p.store.Command(ctx, p.h.ids[job], cmd)
		return shown(j), err
	})
}

func (h *history) lease(job int, epoch int64) pushd.Lease {
	return pushd.Lease{Job: h.ids[job], Epoch: epoch}
}

func (h *history) observe(ctx context.Context, s *store.Store) (a answer, err error) {
	held, err := s.Leases(ctx)
	for _, o := range held {
		for i, id := range h.ids {
			if o.Job == id {
				a.leases[i] = seenLease{o.Epoch, o.Mark}
			}
		}
	}
	return a, err
}

// shown is a job as the model knows it.
func shown(j pushd.Job) answer {
	a := answer{epoch: j.Epoch, state: j.State}
	if j.Owner.Instance != "" {
		fmt.Sscanf(j.Owner.Instance, "p%d-", &a.by.process)
		a.by.boot, _ = strconv.Atoi(j.Owner.Boot)
	}
	return a
}

// progressOf is the progress of a page of one; the value is where it is read
// back from.
func progressOf(value int) pushd.Progress {
	people := []pushd.Person{{State: pushd.InDoubt}}
	return pushd.Progress{
		Page: 1, People: 1, Mark: 1, DoubtAt: pushd.Time(value),
		Outcomes: pushd.EncodePersons(nil, people), Counts: pushd.Counts{Errors: map[int]int64{}},
	}
}
