package daemon

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"pushd"
)

// However many look, the platform is asked twice in half a minute; an error is kept as
// long, but not that of somebody who has gone.
func TestDue_AsksRarely(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var asked []time.Duration // from and to, from now
		fails := error(nil)
		d := &due{list: func(ctx context.Context, from, to pushd.Time) ([]pushd.Due, error) {
			asked = append(asked, time.Until(from.Std()).Round(time.Second), time.Until(to.Std()).Round(time.Second))
			return []pushd.Due{{ActID: pushd.ActID(len(asked))}}, errors.Join(fails, ctx.Err())
		}}
		for range 5 {
			soon, over, err := d.look(t.Context())
			if err != nil || soon[0].ActID != 2 || over[0].ActID != 4 {
				t.Fatalf("%v, %v, %v", soon, over, err)
			}
			time.Sleep(time.Second)
		}
		want := []time.Duration{-5 * time.Minute, time.Hour, -24 * time.Hour, -5 * time.Minute}
		if len(asked) != 4 || asked[0] != want[0] || asked[1] != want[1] || asked[2] != want[2] || asked[3] != want[3] {
			t.Errorf("asked for %v, want %v", asked, want)
		}
		time.Sleep(dueEvery)
		fails = errors.New("no such table")
		for range 3 {
			if _, _, err := d.look(t.Context()); err == nil {
				t.Error("no error")
			}
		}
		if len(asked) != 6 {
			t.Errorf("asked %d times", len(asked)/2)
		}
		time.Sleep(dueEvery)
		gone, cancel := context.WithCancel(t.Context())
		cancel()
		if _, _, err := d.look(gone); err == nil {
			t.Error("no error for somebody who has gone")
		}
		fails = nil
		if _, _, err := d.look(t.Context()); err != nil {
			t.Errorf("who has gone keeps it from others: %v", err)
		}
	})
}
