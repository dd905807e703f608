package pagebuffer

import (
	"slices"

	"pushd"
	"pushd/internal/fanout/deferral"
)

// View is a page as it was at the start of a round. It decides who is sent to, and
// does not change when the buffer does: the one reads ahead while the other is in
// work.
type View struct {
	page    *Buffer
	people  []pushd.Person
	mark    int
	doubtAt pushd.Time
	again   pushd.Again
}

// View is the page as it is now. again says who is sent to although there is an
// outcome.
func (b *Buffer) View(again pushd.Again) View {
	return View{page: b, people: slices.Clone(b.people), mark: b.mark, doubtAt: b.offAt, again: again}
}

// Delivery is that of the recipient at index, or nil where none is due in this
// round. due decides about those who were put off.
func (v View) Delivery(index int, to pushd.OpenID, due func(pushd.Person) deferral.Turn) *Delivery {
	p := v.people[index]
	d := &Delivery{To: to, page: v.page, index: index, untouched: p.State == pushd.Untouched && index >= v.mark}
	switch {
	case p.State == pushd.PersonFailed && v.again != pushd.AgainNobody:
		d.reopened = true
		return d
	case p.State == pushd.PersonUnknown && v.again == pushd.AgainUnknown:
		d.reopened, d.ambiguous, d.earlier = true, true, true
		return d
	case p.State.Settled():
		return nil
	case p.State == pushd.Refused, p.State == pushd.InDoubt && p.Code == pushd.CodeDuplicate:
		turn := due(p)
		if turn == deferral.Later {
			return nil
		}
		d.late = turn == deferral.Never
	}
	if p.State == pushd.InDoubt || p.State == pushd.Untouched && index < v.mark {
		d.ambiguous, d.earlier = true, true
		if !d.late {
			d.since = v.doubtAt
		}
	}
	return d
}
