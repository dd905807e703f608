package crashtest

import (
	"fmt"
	"time"

	"pushd/internal/wechatsim"
)

func walkScenarios() []scenario {
	all := []scenario{
		{name: "0, 1 and a page's worth of followers, one less, one more", run: func(w *World) {
			page := size(1000, 10_000)
			for _, n := range []int{0, 1, page - 1, page, page + 1} {
				walkOnce(w, n, Verdict{}, func(b *wechatsim.Behaviour) { b.Walk.PageSize = page })
			}
		}},
		{name: "followers join and leave between pages, the cursor's too", run: func(w *World) {
			walkOnce(w, 4000, Verdict{}, func(b *wechatsim.Behaviour) {
				b.Walk.PageSize, b.Walk.Join, b.Walk.Leave, b.Walk.LeaveCursor = 300, 5, 5, true
			})
		}},
		{name: "the list breaks off at page 3 for ever", run: func(w *World) {
			walkFault(w, wechatsim.PageFault{From: 3, To: -1, Kind: wechatsim.PageEmpty}, Verdict{State: "failed"})
		}},
		{name: "the cursor's follower is gone: an empty page", long: true, run: func(w *World) { goneCursor(w, wechatsim.GoneEmpty) }},
		{name: "the cursor's follower is gone: 40003", long: true, run: func(w *World) { goneCursor(w, wechatsim.GoneError) }},
	}
	for _, kind := range []wechatsim.PageKind{
		wechatsim.PageEmpty, wechatsim.PageRepeat, wechatsim.PageOverlap, wechatsim.PageLoop,
		wechatsim.PageBlank, wechatsim.PageHollow, wechatsim.PageShort,
	} {
		all = append(all, scenario{name: fmt.Sprintf("page 3 of the list is wrong once: %s", kind), long: kind != wechatsim.PageShort, run: func(w *World) {
			walkFault(w, wechatsim.PageFault{From: 3, Kind: kind}, Verdict{})
		}})
	}
	return all
}

func walkOnce(w *World, people int, v Verdict, change func(*wechatsim.Behaviour)) {
	w.Helper()
	j := w.NewChannel(people, change)
	p := w.Start("a")
	w.must(w.Post(p, j))
	w.Finish(p, j, v)
	_, _, err := p.Terminate(20 * time.Second)
	w.must(err)
}

func walkFault(w *World, f wechatsim.PageFault, v Verdict) {
	walkOnce(w, 3000, v, func(b *wechatsim.Behaviour) {
		b.Walk.PageSize, b.Walk.Faults = 400, []wechatsim.PageFault{f}
	})
}

// goneCursor makes the follower whom the first cursor names leave.
func goneCursor(w *World, gone wechatsim.GoneCursor) {
	j := w.NewChannel(3000, func(b *wechatsim.Behaviour) {
		b.PageLatency = wechatsim.Fixed(200 * time.Millisecond)
		b.Walk.PageSize, b.Walk.LeaveCursor, b.Walk.Gone = 400, true, gone
	})
	p := w.Start("a")
	w.must(w.Post(p, j))
	w.Until("the first page", 20*time.Second, func() bool { return j.Account.Stats().Pages >= 1 })
	j.Account.Tune(func(b *wechatsim.Behaviour) { b.Walk.LeaveCursor = false })
	w.Finish(p, j, Verdict{})
}
