package pace_test

import (
	"fmt"
	"time"

	"pushd/internal/pace"
)

// A sender asks before each send and tells what came of it. Where all is well,
// more and more may be in flight.
func ExamplePacer() {
	p := pace.New(512, 0, nil)
	now := time.Unix(1_800_000_000, 0)
	first := p.Limit()
	for range 400 { // round trips of 50 ms
		started := 0
		for started < p.Limit() && p.Start(now) == 0 {
			started++
		}
		now = now.Add(50 * time.Millisecond)
		for range started {
			p.Observe(pace.Good, 50*time.Millisecond, now)
		}
	}
	fmt.Println(first, "then", p.Limit())
	// Output: 16 then 512
}
