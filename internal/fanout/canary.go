package fanout

import "pushd"

// The canary notices that token, openids and template do not belong together
// before it has cost an account its people: the codes it listens to are
// personal when they come now and then, and a mistake of the whole job when
// they come from everyone.
const (
	canarySize   = 20  // sends without success that stop a job which has just begun
	canaryWindow = 200 // answers over which a share is judged, at any time
)

// spot is one person's place in the ledger.
type spot struct {
	sheet *sheet
	index int
	code  int
	cause pushd.Cause
	// otherwise is the outcome if the job turns out to be right.
	otherwise pushd.PersonState
	// repeat says that the code may be WeChat's answer to a client_msg_id that it
	// knows, and so nothing about the job.
	repeat bool
}

// canary watches the answers of one job. People with suspect codes are held
// back (they stay refused, so they may be sent to again) until enough good
// answers stand behind them.
type canary struct {
	proven  bool   // a success has come since it was armed
	armed   []spot // suspects since it was armed, while not proven
	weight  int    // how many of them count against the job
	others  int    // answers since it was armed that are about the person alone
	ring    [canaryWindow]sighting
	next    int // ring position
	seen    int // answers in the ring
	suspect int // of them suspect
	failed  int // of them Other
	streak  int // FatalIfRepeated answers since the last success
}

type sighting struct {
	kind sightingKind
	held *spot
}

type sightingKind uint8

const (
	sightingGood sightingKind = iota
	sightingSuspect
	sightingFailed
)

// arm makes the canary distrust the job anew: at its start and with every
// new token. It returns those whom the last token's answers made suspects and
// nothing cleared: they may be asked again.
func (c *canary) arm() (dropped []spot) {
	c.proven = false
	dropped, c.armed, c.weight, c.others = c.armed, nil, 0, 0
	return dropped
}

// good takes a success. It returns the suspects who turn out to be no more
// than people who can't receive, and those who are to be asked again: WeChat
// is known to refuse a valid template now and then.
func (c *canary) good() (released, again []spot) {
	c.streak = 0
	if !c.proven {
		c.proven = true
		for _, s := range c.armed {
			if s.cause == pushd.CauseTemplate { // never about a recipient
				again = append(again, s)
				continue
			}
			kind := sightingSuspect
			if s.otherwise == pushd.PersonFailed {
				kind = sightingFailed
			}
			released = c.push(sighting{kind, &s}, released)
		}
		c.armed, c.weight, c.others = nil, 0, 0
	}
	return c.push(sighting{kind: sightingGood}, released), again
}

// worst returns a suspect who has not merely unsubscribed, while nothing has
// cleared the job: neither a success, nor more answers that are about the person
// alone, such as "not so soon again".
func (c *canary) worst() (worst spot, wrong bool) {
	n := 0
	for _, s := range c.armed {
		if s.cause != pushd.CauseUnfollowed {
			worst = s
			n++
		}
	}
	return worst, !c.proven && n > 0 && n >= c.others
}

// unknown returns the code that most of the armed suspects were refused with
// who have not merely unsubscribed, if it is none that speaks of an account
// that does not fit.
func (c *canary) unknown() (code int, ok bool) {
	counts, most, cause := map[int]int{}, 0, pushd.CauseNone
	for _, s := range c.armed {
		if s.cause == pushd.CauseUnfollowed {
			continue
		}
		if counts[s.code]++; counts[s.code] > most {
			code, most, cause = s.code, counts[s.code], s.cause
		}
	}
	return code, most > 0 && !cause.Suspect()
}

// bad takes a suspect answer, and says whether the job is to stop.
func (c *canary) bad(s spot) (released []spot, trip bool) {
	if !c.proven {
		c.armed = append(c.armed, s)
		if !s.repeat {
			c.weight++
		}
		return nil, c.weight >= canarySize && !s.repeat
	}
	released = c.push(sighting{sightingSuspect, &s}, nil)
	return released, c.seen == canaryWindow && c.suspect*2 >= canaryWindow
}

// other takes the failure of a person, and says whether failures have become
// the rule.
func (c *canary) other() (released []spot, trip bool) {
	released = c.push(sighting{kind: sightingFailed}, nil)
	return released, c.seen == canaryWindow && c.failed*2 >= canaryWindow
}

// flush lets everyone go who is still held back: the job has come to an end
// without a reason for distrust.
func (c *canary) flush() (released []spot) {
	released = append(released, c.armed...)
	c.armed, c.weight = nil, 0
	for i := range c.ring {
		if h := c.ring[i].held; h != nil {
			released = append(released, *h)
			c.ring[i].held = nil
		}
	}
	return released
}

func (c *canary) push(s sighting, released []spot) []spot {
	old := &c.ring[c.next]
	if c.seen == canaryWindow {
		c.count(old.kind, -1)
		if old.held != nil {
			released = append(released, *old.held)
		}
	} else {
		c.seen++
	}
	*old = s
	c.count(s.kind, 1)
	c.next = (c.next + 1) % canaryWindow
	return released
}

func (c *canary) count(k sightingKind, by int) {
	switch k {
	case sightingSuspect:
		c.suspect += by
	case sightingFailed:
		c.failed += by
	}
}
