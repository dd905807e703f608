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
		d.listed = d.list
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

// What a brake refuses is counted apart from what should have been posted, as far as it
// is listed; a channel that can't be read is taken for one that no brake refuses.
func TestOverdue_BrakedApart(t *testing.T) {
	broken := errors.New("no such table")
	listed := []pushd.Due{{ActID: 1}, {ActID: 2}, {ActID: 3}, {ActID: 4}}
	braked := func(_ context.Context, id pushd.ActID) (bool, error) {
		if id == 3 {
			return true, broken
		}
		return id%2 == 0, nil
	}
	for name, c := range map[string]struct {
		n       int64
		countBy error
		list    []pushd.Due
		listBy  error
		want    pushd.Overdue
		err     error
	}{
		"some braked":          {n: 6, list: listed, want: pushd.Overdue{Missed: 4, Braked: 2}},
		"all braked":           {n: 2, list: []pushd.Due{{ActID: 2}, {ActID: 4}}, want: pushd.Overdue{Braked: 2}},
		"more listed than due": {n: 1, list: listed, want: pushd.Overdue{Braked: 1}},
		"none due":             {list: listed},
		"no list":              {n: 5, want: pushd.Overdue{Missed: 5}},
		"no count":             {countBy: broken, list: listed, err: broken},
		"a list that fails":    {n: 5, list: listed, listBy: broken, err: broken},
	} {
		o := overdue{count: func(context.Context, pushd.Time) (int64, error) { return c.n, c.countBy }, braked: braked}
		if c.list != nil {
			o.list = func(_ context.Context, from, to pushd.Time) ([]pushd.Due, error) {
				if from != 1e15-pushd.Time(dueBack/time.Microsecond) || to != 1e15 {
					t.Errorf("%s: listed from %d to %d", name, from, to)
				}
				return append([]pushd.Due(nil), c.list...), c.listBy
			}
		}
		if got, err := o.before(t.Context(), 1e15); got != c.want || !errors.Is(err, c.err) {
			t.Errorf("%s: %+v, %v", name, got, err)
		}
	}
}
