package pace

// wall is where the limit was met last. Near it an account goes by small steps
// and stays for a while at each; well above it the limit has moved.
type wall struct {
	at     float64 // sends in flight; 0: not known
	sure   bool    // it was met there twice, or without doubt
	creeps int     // pulses in a row that met it further up than the one before
}

const (
	wallNear = 0.92 // of the wall: from there on steps are small
	wallGone = 1.15 // of the wall: it is not there any more
)

// put says where the limit was met.
func (w *wall) put(at float64, sure bool) { w.at, w.sure = at, sure }

// meet takes the limit by a pulse. It says that this is no limit of sends in
// flight: of those there is one, while a rate has room for a few at every
// level, so that the limit seems to go up with the level.
func (w *wall) meet(limit float64) (moves bool) {
	switch {
	case w.at == 0:
		w.put(limit, false)
		return false
	case limit < 1.03*w.at:
		*w = wall{at: limit, sure: true}
		return false
	}
	if w.creeps++; w.creeps > 1 || limit > 1.1*w.at {
		*w = wall{}
		return true
	}
	w.put(limit, true)
	return false
}

// bound bounds the step that a trial goes above level.
func (w *wall) bound(step, level float64) float64 {
	switch near := level > wallNear*w.at; {
	case w.at == 0:
		return step
	case near && w.sure:
		return min(step, smallStep*smallStep)
	case near:
		return min(step, debtStep) // far enough to see whether it is there
	}
	return min(step, margin*w.at/level)
}
