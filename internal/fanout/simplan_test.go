package fanout

import (
	"cmp"
	"fmt"
	"math/bits"
	"math/rand/v2"
	"slices"
	"strconv"
	"strings"
	"time"
)

// plan is all that goes wrong in a world. It is drawn from a seed, several
// kinds of faults together, and made smaller when the world breaks a promise.
type plan struct {
	seed   uint64
	air    fault // what may go wrong at any time
	events []mishap
	knobs  knobs
}

// mishap is a fault that happens at a moment.
type mishap struct {
	no      int // in the seed's whole plan: what it draws does not depend on the others
	at      time.Duration
	what    fault
	span    time.Duration // of faults that last
	process int           // which it meets, of those there are
}

const (
	troubled = 70 * time.Second // after which all is well again
	longAway = 12 * time.Minute // beyond WeChat's memory, and the dedup window
)

// planOf draws the plan of a seed.
func planOf(seed uint64) plan {
	d := rand.New(rand.NewPCG(seed, 1))
	p := plan{seed: seed, knobs: drawKnobs(d)}
	var kinds []fault
	all := d.Perm(bits.Len64(uint64(allFaults)))
	for _, i := range all[:3+d.IntN(10)] {
		if f := fault(1) << i; f&moments != 0 {
			kinds = append(kinds, f)
		} else {
			p.air |= f
		}
	}
	if p.air&braked != 0 {
		p.air |= twoJobs // of one reminder alone brakes can't be judged
	}
	var later time.Duration
	for at := gap(d); at < troubled-8*time.Second && len(kinds) > 0; at += gap(d) {
		e := mishap{no: len(p.events), at: at + later, what: kinds[d.IntN(len(kinds))], process: d.IntN(3),
			span: time.Duration(1+d.IntN(25)) * time.Second}
		if e.what == longDown || d.IntN(25) == 0 {
			e.span = longAway
			later += []time.Duration{0, longAway}[d.IntN(2)] // the rest during it, or after it
		}
		p.events = append(p.events, e)
	}
	return p
}

// gap is the time between two events: often some seconds, so that the world can
// make something of the first, and now and then next to nothing.
func gap(d *rand.Rand) time.Duration {
	if d.IntN(4) == 0 {
		return time.Duration(d.IntN(300)) * time.Millisecond
	}
	return time.Duration(200+d.IntN(8000)) * time.Millisecond
}

// calm is when the last thing that goes wrong is over.
func (p plan) calm() time.Duration {
	calm := troubled
	for _, e := range p.events {
		calm = max(calm, e.at+e.span+5*time.Second)
	}
	return calm
}

// kinds are the faults of a plan.
func (p plan) kinds() fault {
	f := p.air
	for _, e := range p.events {
		f |= e.what
	}
	return f
}

// size is how much goes wrong.
func (p plan) size() int {
	n := bits.OnesCount64(uint64(p.air)) + len(p.events)
	for _, k := range p.knobs {
		if k != 0 {
			n++
		}
	}
	return n
}

// smaller are the plans with one thing less.
func (p plan) smaller() (all []plan) {
	for i := range p.events {
		less := p
		less.events = slices.Delete(slices.Clone(p.events), i, i+1)
		all = append(all, less)
	}
	for i := range bits.Len64(uint64(p.air)) {
		if less := p; p.air>>i&1 == 1 {
			less.air &^= 1 << i
			all = append(all, less)
		}
	}
	for i, k := range p.knobs {
		if less := p; k != 0 {
			less.knobs[i] = 0
			all = append(all, less)
		}
	}
	return all
}

// shrink takes one thing after the other away as long as the world still
// fails, until nothing can be spared or the time is over.
func shrink(p plan, fails func(plan) bool, until time.Time) plan {
	for again := true; again; {
		again = false
		for i := 0; i < len(p.smaller()) && time.Now().Before(until); {
			if less := p.smaller()[i]; fails(less) {
				p, again = less, true
			} else {
				i++
			}
		}
	}
	return p
}

// code is the plan as -sim.plan takes it: what is in the air, the numbers of
// the events, and the knobs.
func (p plan) code() string {
	var numbers []string
	for _, e := range p.events {
		numbers = append(numbers, strconv.Itoa(e.no))
	}
	var knobs strings.Builder
	for _, k := range p.knobs {
		fmt.Fprint(&knobs, k)
	}
	return fmt.Sprintf("%x:%s:%s", uint64(p.air), strings.Join(numbers, ","), knobs.String())
}

// only is the part of a plan that a code names.
func (p plan) only(code string) (plan, error) {
	parts := strings.Split(code, ":")
	if len(parts) != 3 || len(parts[2]) != len(p.knobs) {
		return p, fmt.Errorf("-sim.plan=%q is not like %q", code, p.code())
	}
	air, err := strconv.ParseUint(parts[0], 16, 64)
	p.air = fault(air)
	whole := p.events
	p.events = nil
	for number := range strings.SplitSeq(parts[1], ",") {
		no, bad := strconv.Atoi(number)
		if number != "" && (bad != nil || no < 0 || no >= len(whole)) {
			err = cmp.Or(err, fmt.Errorf("-sim.plan: there is no event %q", number))
		} else if number != "" {
			p.events = append(p.events, whole[no])
		}
	}
	for i, digit := range parts[2] {
		p.knobs[i] = uint8(digit - '0')
	}
	return p, err
}

func (p plan) String() string {
	var b strings.Builder
	fmt.Fprintf(&b, "in the air: %s\nWeChat: %s", cmp.Or(p.air.String(), "nothing"), p.knobs)
	for _, e := range p.events {
		fmt.Fprintf(&b, "\n%9.3f %s, process %d, %s", e.at.Seconds(), e.what, e.process, e.span)
	}
	return b.String()
}

// knobs are what nobody knows about WeChat, one value each. Zero is what the
// tests assume that play WeChat themselves.
type knobs [8]uint8

const (
	filterKey    = iota // what 40241 compares
	filterFirst         // whether it does so before it knows a repeated id
	repeatAnswer        // how a repeated id is answered
	busyAccepts         // how many of the messages answered -1 were accepted
	checkOrder          // which of several refusals is given
	longMemory          // how long an id is known
	ownLast             // whether a refused duplicate counts as a message
	reminded            // the audience of all jobs
)

// The values of reminded.
const (
	remindAll = iota
	remindTag
	remindUncounted
	remindSubscribers
	remindAsked
)

// knobValues names the values.
var knobValues = [len(knobs{})][]string{
	filterKey:    {"no 40241", "40241 by openid and template", "40241 by openid alone", "40241 by openid and content"},
	filterFirst:  {"ids known before 40241", "40241 before ids are known"},
	repeatAnswer: {"a repeat is answered 0", "a repeat is answered with an unknown code", "a repeat is answered 40241"},
	busyAccepts:  {"-1 accepts a quarter", "-1 accepts nothing", "-1 accepts half", "-1 accepts everything"},
	checkOrder: {"token, openid, template, taste, quota", "token, template, openid, taste, quota", "openid, token, quota, taste, template",
		"template, token, quota, openid, taste", "token, quota, template, openid, taste"},
	longMemory: {"ids known for 10 minutes", "ids known for 30 minutes"},
	ownLast:    {"40241 lasts a minute", "40241 begins its minute anew"},
	reminded: {remindAll: "everyone who follows is reminded", remindTag: "a tag is reminded", remindUncounted: "a tag that is not counted is reminded",
		remindSubscribers: "subscribers are reminded", remindAsked: "subscribers are reminded, by the POST"},
}

func drawKnobs(d *rand.Rand) (k knobs) {
	for i, values := range knobValues {
		k[i] = uint8(d.IntN(len(values)))
	}
	return k
}

func (k knobs) String() string {
	var all []string
	for i, v := range k {
		all = append(all, knobValues[i][v])
	}
	return strings.Join(all, "; ")
}
