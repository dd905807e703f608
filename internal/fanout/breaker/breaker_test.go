package breaker

import (
	"testing"

	"pushd"
)

// run feeds the breaker s (a success), x (a suspect answer) and f (a failure),
// and says at which it tripped (-1 = never) and whom it let go.
func run(b *Breaker[int], answers string) (tripped int, released int) {
	for i, a := range answers {
		var gone []Suspect[int]
		trip := false
		switch a {
		case 's':
			gone, _ = b.Success()
		case 'x':
			gone, trip = b.Suspect(Suspect[int]{Of: i, Code: 43004, Cause: pushd.CauseUnfollowed})
		case 'f':
			gone, trip = b.Failure()
		}
		released += len(gone)
		if trip {
			return i, released
		}
	}
	return -1, released
}

func repeat(s string, n int) (out string) {
	for range n {
		out += s
	}
	return out
}

func TestBreaker(t *testing.T) {
	for name, c := range map[string]struct {
		answers  string
		trips    int
		released int // before the flush
		flushed  int
	}{
		"nineteen without success":        {repeat("x", 19), -1, 0, 19},
		"twenty":                          {repeat("x", 20), 19, 0, 20},
		"a success among them":            {repeat("x", 19) + "s" + repeat("x", 19), -1, 0, 38},
		"successes only":                  {repeat("s", 500), -1, 0, 0},
		"personal ones now and then":      {repeat("ssssssssssx", 100), -1, 81, 19},
		"half of the last 200 are":        {repeat("s", 100) + repeat("x", 100), 199, 0, 100},
		"less than half":                  {"s" + repeat("sx", 99) + "s", -1, 0, 99},
		"half, but not yet 200":           {repeat("sx", 50), -1, 0, 50},
		"late, after thousands were told": {repeat("s", 3000) + repeat("x", 200), 3099, 0, 100},
		"failures become the rule":        {repeat("s", 100) + repeat("f", 100), 199, 0, 0},
		"failures now and then":           {repeat("sssf", 200), -1, 0, 0},
		"suspects fall out of the window": {"s" + repeat("x", 10) + repeat("s", 200), -1, 10, 0},
	} {
		t.Run(name, func(t *testing.T) {
			var b Breaker[int]
			trips, released := run(&b, c.answers)
			if trips != c.trips || released != c.released {
				t.Errorf("tripped at %d and let %d go; want %d, %d", trips, released, c.trips, c.released)
			}
			if n := len(b.Flush()); n != c.flushed {
				t.Errorf("%d were held back to the end, want %d", n, c.flushed)
			}
			if n := len(b.Flush()); n != 0 {
				t.Errorf("a second flush lets %d go again", n)
			}
		})
	}
}

func TestBreaker_EveryNewTokenArmsIt(t *testing.T) {
	var b Breaker[int]
	run(&b, "s"+repeat("x", 5))
	if dropped := b.Arm(); len(dropped) != 0 {
		t.Errorf("%d suspects of a good token were dropped", len(dropped))
	}
	if trips, _ := run(&b, repeat("x", 19)); trips != -1 {
		t.Errorf("tripped at %d", trips)
	}
	if dropped := b.Arm(); len(dropped) != 19 {
		t.Errorf("%d suspects of the last token are free again, want 19", len(dropped))
	}
	if trips, _ := run(&b, repeat("x", 20)); trips != 19 {
		t.Errorf("tripped at %d, want 19", trips)
	}
	if n := len(b.Flush()); n != 25 {
		t.Errorf("%d held back, want the 20 of this token and the 5 of the first", n)
	}
}

// Who may have the message and is answered with an unknown code speaks against the job
// only together with others who can't have it.
func TestBreaker_RepeatsAlone(t *testing.T) {
	var b Breaker[int]
	for i := range 5 {
		b.Suspect(Suspect[int]{Of: i, Code: 99999, Repeat: true})
	}
	if worst, wrong := b.Worst(); wrong {
		t.Errorf("wrong by %+v", worst)
	}
	b.Suspect(Suspect[int]{Of: 5, Code: 99999})
	if _, wrong := b.Worst(); !wrong {
		t.Error("nothing is wrong, though one who can't have it is refused, too")
	}
}

// A template that WeChat refuses now and then is not held against anybody.
func TestBreaker_TemplateRefusedAtFirst(t *testing.T) {
	var b Breaker[int]
	b.Suspect(Suspect[int]{Of: 1, Code: 40037, Cause: pushd.CauseTemplate})
	b.Suspect(Suspect[int]{Of: 2, Code: 43004, Cause: pushd.CauseUnfollowed})
	if worst, wrong := b.Worst(); !wrong || worst.Code != 40037 {
		t.Errorf("nothing is wrong: %+v", worst)
	}
	released, again := b.Success()
	if len(released) != 0 || len(again) != 1 || again[0].Of != 1 {
		t.Errorf("let go %+v, to be asked again %+v", released, again)
	}
	if _, wrong := b.Worst(); wrong {
		t.Error("still wrong after a success")
	}
	if held := b.Flush(); len(held) != 1 || held[0].Of != 2 {
		t.Errorf("held %+v", held)
	}
}
