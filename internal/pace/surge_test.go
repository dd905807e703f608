package pace

import (
	"math/rand/v2"
	"testing"
)

// A background raises no surge, or hardly ever; more refusals do soon.
func TestSurge(t *testing.T) {
	const seed = 1
	t.Logf("seed %d", seed)
	rng := rand.New(rand.NewPCG(seed, 0))
	for _, usual := range []float64{0, 0.05, 0.1, 0.3} {
		var s surge
		alarms := 0
		for range 200_000 {
			if s.add(rng.Float64() >= usual, usual) {
				alarms++
				s = surge{}
			}
		}
		if alarms > 8 {
			t.Errorf("%.2f: %d false alarms in 200,000 answers", usual, alarms)
		}
		s = surge{}
		n := 1
		for !s.add(rng.Float64() >= usual+0.2, usual) {
			n++
		}
		if n > 400 {
			t.Errorf("%.2f: 20 %% more were noticed after %d answers", usual, n)
		}
	}
}
