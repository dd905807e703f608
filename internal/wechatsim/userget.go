package wechatsim

import (
	"strconv"
	"sync"
)

// walkState is where the walks over an account's followers are.
type walkState struct {
	mu     sync.Mutex
	calls  int         // of user/get since the faults were set
	faults []PageFault // those that calls counts for
	before int         // the follower before the page given last
	second int         // the follower before page 2
	churn  int         // changes so far
}

// retune starts counting again when the page faults change.
func (w *walkState) retune(to Walk) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if !equalFaults(w.faults, to.Faults) {
		w.calls, w.faults = 0, to.Faults
	}
}

func equalFaults(a, b []PageFault) bool {
	if len(a) != len(b) {
		return false
	}
	for i := range a {
		if a[i] != b[i] {
			return false
		}
	}
	return true
}

// fault returns how this call is wrong, if at all; called with the lock held.
func (w *walkState) fault(faults []PageFault) PageKind {
	w.calls++
	for _, f := range faults {
		to := max(f.From, f.To)
		if w.calls >= f.From && (f.To < 0 || w.calls <= to) {
			return f.Kind
		}
	}
	return ""
}

// page is one answer of user/get.
type page struct {
	ids   []byte // "…","…"
	count int
	last  int // the follower listed last; the cursor if there is none
	more  bool
}

// followersCall answers GET user/get.
func (s *Sim) followersCall(c *call) reply {
	a := c.account
	b := a.Behaviour()
	if !a.quota.take(&a.quota.pages, b.PagesPerDay, c.now) {
		return reply{code: 45009}
	}
	from := -1
	if cursor := c.r.URL.Query().Get("next_openid"); cursor != "" {
		i, ok := a.followers.index([]byte(cursor))
		if !ok {
			return reply{code: 40003}
		}
		from = i
	}
	if from >= 0 && a.followers.gone(from) {
		switch b.Walk.Gone {
		case GoneError:
			return reply{code: 40003}
		case GoneEmpty:
			return reply{body: emptyPage(a.followers.total() + b.Walk.TotalOffset)}
		}
	}
	total := a.followers.total() + b.Walk.TotalOffset
	return reply{body: a.walkOn(from, b.Walk, anyone, func(p page, next string) []byte { return p.body(total, next) })}
}

// walkOn answers the page of the wanted behind a follower, wrong if so set, and
// lets followers come and go after it. body writes a page; that after the last is
// empty.
func (a *Account) walkOn(from int, w Walk, wanted func(i int) bool, body func(p page, next string) []byte) []byte {
	a.walk.mu.Lock()
	defer a.walk.mu.Unlock()
	kind := a.walk.fault(w.Faults)
	size := w.PageSize
	switch kind {
	case PageEmpty:
		return body(page{}, "")
	case PageRepeat:
		from = a.walk.before
	case PageOverlap:
		from = max(-1, from-size/2)
	case PageShort:
		size = max(1, size/3)
	}
	p := a.followers.page(from, size, wanted)
	if kind == PageHollow {
		p.ids, p.count = nil, 0
	}
	if kind == PageBlank {
		p.ids = append([]byte(`"",`), p.ids...)
		p.count++
	}
	if from < 0 {
		a.walk.second = p.last
	}
	next := a.cursor(p, w, kind)
	a.walk.before = from
	a.churn(p, w)
	return body(p, next)
}

// cursor is the next_openid of a page.
func (a *Account) cursor(p page, w Walk, kind PageKind) string {
	switch {
	case p.last < 0, p.count == 0 && kind != PageHollow, w.LastEmpty && !p.more:
		return ""
	case kind == PageLoop:
		return a.followers.openID(a.walk.second)
	}
	return a.followers.openID(p.last)
}

// anyone is no condition on who is listed.
func anyone(int) bool { return true }

// page lists at most size of the wanted followers behind follower from.
func (f *followers) page(from, size int, wanted func(i int) bool) page {
	p := page{last: from, ids: make([]byte, 0, min(size, f.ever())*(openidLen+3))}
	f.list(from, func(i int) bool {
		if !wanted(i) {
			return true
		}
		if p.count == size {
			p.more = true
			return false
		}
		if p.count > 0 {
			p.ids = append(p.ids, ',')
		}
		p.ids = append(p.ids, '"')
		p.ids = append(f.appendOpenID(p.ids, i), '"')
		p.count++
		p.last = i
		return true
	})
	return p
}

func (p page) body(total int, next string) []byte {
	out := make([]byte, 0, len(p.ids)+128)
	out = strconv.AppendInt(append(out, `{"total":`...), int64(total), 10)
	out = strconv.AppendInt(append(out, `,"count":`...), int64(p.count), 10)
	if p.count > 0 {
		out = append(append(append(out, `,"data":{"openid":[`...), p.ids...), `]}`...)
	}
	out = append(append(append(out, `,"next_openid":"`...), next...), `"}`...)
	return out
}

// tagBody is a page of user/tag/get.
func (p page) tagBody(next string) []byte {
	if p.count == 0 && next == "" {
		return []byte(`{"count":0}`)
	}
	out := make([]byte, 0, len(p.ids)+128)
	out = strconv.AppendInt(append(out, `{"count":`...), int64(p.count), 10)
	out = append(append(append(out, `,"data":{"openid":[`...), p.ids...), `]}`...)
	return append(append(append(out, `,"next_openid":"`...), next...), `"}`...)
}

// emptyPage is the page after the last: no data at all.
func emptyPage(total int) []byte { return page{}.body(total, "") }

// churn lets followers come and go after a page; called with the lock held.
func (a *Account) churn(p page, w Walk) {
	if w.LeaveCursor && p.count > 0 {
		a.followers.leave(p.last)
	}
	for range w.Leave {
		a.walk.churn++
		if n := a.followers.base; n > 0 {
			a.followers.leave(int(mix(a.key, uint64(a.walk.churn), 15) % uint64(n)))
		}
	}
	for range w.Join {
		a.followers.join()
	}
}
