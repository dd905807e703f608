package tokenclient

import (
	"errors"
	"math/rand/v2"
	"testing"
	"time"
)

// rounds lets as many asks as may be under way be answered together, several
// times, each after took of how many there were.
func rounds(t *turns, now time.Time, n int, took func(atOnce int) time.Duration) time.Time {
	for range n {
		atOnce := int(t.limit)
		end := now.Add(took(atOnce))
		for range atOnce {
			t.answered(now, end)
		}
		now = end
	}
	return now
}

// queued is what a pool of so many workers takes when each ask costs it d.
func queued(workers int, d time.Duration) func(int) time.Duration {
	return func(atOnce int) time.Duration { return d * time.Duration((atOnce+workers-1)/workers) }
}

func TestTurns_FallsToWhatThePoolBears(t *testing.T) {
	for _, tc := range []struct {
		name        string
		took        func(int) time.Duration
		least, most int
	}{
		{"PoolThatIsLargeEnough", queued(20, 500*time.Millisecond), 16, 16},
		{"PoolOfTwo", queued(2, 500*time.Millisecond), 3, 8},
		{"PoolOfOneThatIsSlow", queued(1, 2*time.Second), 1, 4},
		{"NearlyTooLateWhoeverAsks", func(int) time.Duration { return 8 * time.Second }, 1, 1},
		{"SlowWhoeverAsks", func(int) time.Duration { return 4 * time.Second }, 16, 16},
		{"QuickAnswersBetweenSlowOnes", queued(5, 400*time.Millisecond), 8, 16},
	} {
		t.Run(tc.name, func(t *testing.T) {
			turns := newTurns(16, 10*time.Second)
			now := rounds(&turns, epoch(), 40, tc.took)
			for range 20 { // it goes up and down a little
				now = rounds(&turns, now, 1, tc.took)
				if n := int(turns.limit); n < tc.least || n > tc.most {
					t.Fatalf("%d at once, want %d to %d", n, tc.least, tc.most)
				}
			}
		})
	}
}

func TestTurns_FallsOnceForAllThatWereUnderWay(t *testing.T) {
	turns, now := newTurns(16, 10*time.Second), epoch()
	for range 16 {
		turns.answered(now, now.Add(1600*time.Millisecond))
	}
	if turns.limit != 8 {
		t.Errorf("16 slow answers of one moment: %v at once, want 8", turns.limit)
	}
	turns.answered(now, now.Add(1400*time.Millisecond))
	if turns.limit <= 8 {
		t.Errorf("a good answer: %v at once", turns.limit)
	}
	if turns.alone != 0 {
		t.Errorf("what many asks take together is taken for what one takes: %v", turns.alone)
	}
	now = now.Add(1600 * time.Millisecond)
	if turns.answered(now, now.Add(1600*time.Millisecond)); turns.limit >= 8 {
		t.Errorf("a slow answer of a later moment: %v at once", turns.limit)
	}
}

func TestTurns_Gone(t *testing.T) {
	turns, now, r, why := newTurns(16, 10*time.Second), epoch(), rand.New(rand.NewPCG(1, 0)), errors.New("why")
	for n := range goneAfter - 1 {
		if turns.unanswered(now, now, why, r) {
			t.Fatalf("gone after %d", n+1)
		}
	}
	turns.answered(now, now)
	for range goneAfter - 1 {
		turns.unanswered(now, now, why, r)
	}
	if turns.gone(now) {
		t.Fatal("gone although it answered between")
	}
	if !turns.unanswered(now, now, why, r) || !turns.gone(now) || turns.limit != 1 {
		t.Fatalf("not gone: %+v", turns)
	}
	end := turns.until
	if turns.unanswered(now, now, why, r); turns.until != end {
		t.Error("those that were under way make the pause longer")
	}
	for _, pause := range []time.Duration{firstPause, 2 * firstPause, 4 * firstPause, 8 * firstPause, 50 * time.Second, 50 * time.Second} {
		if got := turns.until.Sub(now); got < pause || got > pause*6/5 {
			t.Fatalf("a pause of %v, want %v and up to a fifth more", got, pause)
		}
		if now = turns.until; turns.gone(now) {
			t.Fatal("nobody looks at the end of the pause")
		}
		if !turns.unanswered(now, now, why, r) { // who looks finds it gone at once
			t.Fatal("not gone after a look in vain")
		}
	}
	now = turns.until
	if turns.answered(now, now); turns.gone(now) || turns.pause != 0 || turns.lost != 0 {
		t.Errorf("still gone after an answer: %+v", turns)
	}
}
