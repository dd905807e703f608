package pace

import (
	"flag"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"
)

// modelSeeds is how many seeds each kind of limit is played with. With one, as
// usual, a few cases are left out.
var modelSeeds = flag.Int("model-seeds", 1, "seeds of each kind of limit")

// model is a kind of limit that WeChat may have: it documents none.
type model struct {
	name   string
	limits []int // one after the other
	// set gives the world this limit, and says what can be sent a second
	// within it.
	set func(w *world, limit int) (perSecond float64)
	// What the account is to reach from ten seconds after each change on.
	share, refused float64
}

// inFlight is a limit of sends in flight.
func inFlight(how refuses) func(w *world, limit int) float64 {
	return func(w *world, limit int) float64 {
		w.limit, w.refuses = limit, how
		return float64(limit) * 10
	}
}

// rate is a limit of sends a second, of which so much is saved up as comes in
// that time.
func rate(saved time.Duration) func(w *world, limit int) float64 {
	return func(w *world, limit int) float64 {
		w.perSecond, w.burst = float64(limit), max(1, float64(limit)*saved.Seconds())
		return float64(limit)
	}
}

func models() (all []model) {
	moves := []int{400, 100, 800}
	rates := []int{4000, 1000, 6000}
	for _, cold := range []int{0, 150, 600} {
		limits := moves
		if cold > 0 && *modelSeeds == 1 {
			break
		}
		if cold > 0 {
			limits = []int{cold}
		}
		all = append(all,
			model{"held", limits, inFlight(refusesHeld), 0.90, 0.02},
			model{"at once", limits, inFlight(refusesAtOnce), 0.90, 0.02},
			model{"late", limits, inFlight(refusesLate), 0.95, 0.013},
			model{"queue", limits, func(w *world, limit int) float64 {
				w.slowBeyond = limit
				return float64(limit) * 10
			}, 0.95, 0.013},
			model{"tail", limits, func(w *world, limit int) float64 {
				w.limit = limit
				w.tailed(100*time.Millisecond, time.Second)
				return float64(limit) * 10 / 1.632 // the mean of that distribution
			}, 0.95, 0.013},
		)
		if cold > 0 {
			limits = []int{10 * cold}
		} else {
			limits = rates
		}
		all = append(all,
			model{"rate, 1 s", limits, rate(time.Second), 0.86, 0.02},
			model{"rate, 0.1 s", limits, rate(time.Second / 10), 0.86, 0.02},
			model{"rate, 10 ms", limits, rate(10 * time.Millisecond), 0.86, 0.02},
		)
	}
	return all
}

// found is how an account did under one limit.
type found struct {
	share   float64 // of what the limit lets through, from ten seconds on
	refused float64 // beyond the background, from ten seconds on
	early   float64 // refused in the first ten seconds, the same way
	after   float64 // seconds until nine tenths of it were sent for half a second
}

// play lets an account find the limits of a model.
func (m model) play(t *testing.T, seed uint64, busy float64) (all []found) {
	w := newWorld(t, seed, 1024, 0)
	w.busy = busy
	modelFor := 20 // seconds under each limit
	if *modelSeeds > 1 {
		modelFor = 40
	}
	for i, limit := range m.limits {
		own := m.set(w, limit) * (1 - busy)
		w.run(time.Duration(modelFor) * time.Second)
		from := 10 * modelFor * i
		beyond := func(s tally) float64 { return (s.refusedShare() - busy) / (1 - busy) }
		settled := w.tenth(from+100, from+10*modelFor)
		f := found{
			share:   float64(settled.good) / float64(modelFor-10) / own,
			refused: beyond(settled), early: beyond(w.tenth(from, from+100)), after: float64(modelFor),
		}
		for at := range 10*modelFor - 5 {
			// At first comes what was sent under a higher limit.
			if half := w.tenth(from+at, from+at+5); float64(half.good) > 0.9*own/2 && (at > 2 || i == 0) {
				f.after = float64(at+5) / 10
				break
			}
		}
		all = append(all, f)
	}
	return all
}

// Whatever kind of limit WeChat has, it is found. The table has, for each limit
// of a row, the share of it that was sent and what was refused beyond the
// background from ten seconds on, what was refused in the first ten, and how
// long it took to find; "!" is what is worse than it is to be.
//
//	go test ./internal/pace -v -run Models -model-seeds 4
func TestPacer_Models(t *testing.T) {
	var mu sync.Mutex
	table := map[string]string{}
	var order []string
	t.Run("Models", func(t *testing.T) {
		for _, m := range models() {
			for _, busy := range []float64{0, 0.05, 0.10} {
				if busy == 0.05 && *modelSeeds == 1 {
					continue
				}
				name := fmt.Sprintf("%-11s %3.0f %% %-16s", m.name, 100*busy, strings.Trim(fmt.Sprint(m.limits), "[]"))
				order = append(order, name)
				t.Run(name, func(t *testing.T) {
					t.Parallel()
					var line strings.Builder
					sums := make([]found, len(m.limits))
					for seed := range uint64(*modelSeeds) {
						for i, f := range m.play(t, seed, busy) {
							s := &sums[i]
							s.share += f.share / float64(*modelSeeds)
							s.refused += f.refused / float64(*modelSeeds)
							s.early += f.early / float64(*modelSeeds)
							s.after = max(s.after, f.after)
						}
					}
					for i, s := range sums {
						flag := " "
						if s.share < m.share || s.refused > m.refused || s.after > 10 {
							flag = "!"
						}
						// Chance has its share with a background, and with few answers.
						share, refused := m.share-0.05, m.refused
						if busy > 0 || *modelSeeds == 1 {
							share, refused = 0.70, 0.06
						}
						if s.share < share || s.refused > refused {
							t.Errorf("limit %d: %.3f of it, %.4f refused", m.limits[i], s.share, s.refused)
						}
						if busy == 0 && strings.Contains("held at once late queue", m.name) && (s.refused > 0.015 || s.after > 10) {
							t.Errorf("limit %d: %.4f refused, found after %.1f s", m.limits[i], s.refused, s.after)
						}
						fmt.Fprintf(&line, " | %s%.3f %5.2f %% (%5.1f %%) %4.1f s", flag, s.share, 100*s.refused, 100*s.early, s.after)
					}
					mu.Lock()
					defer mu.Unlock()
					table[name] = line.String()
				})
			}
		}
	})
	for _, name := range order {
		t.Log(name + table[name])
	}
}
