package store_test

import (
	"testing"

	"pushd"
)

// versions checks the messages that a job has had.
func (f *fixture) versions(id pushd.JobID, want ...string) {
	f.t.Helper()
	list, err := f.Messages(f.ctx, id)
	f.ok(err)
	if len(list) != len(want) || f.job(id).MessageVersion != len(want) {
		f.t.Fatalf("%d versions, the job has %d, want %d", len(list), f.job(id).MessageVersion, len(want))
	}
	for i, v := range list {
		if v.Version != i+1 || v.Message.Data["thing1"] != want[i] || v.At == 0 {
			f.t.Errorf("version %d: %+v", i+1, v)
		}
	}
}

func saying(text string) *pushd.Message {
	return &pushd.Message{TemplateID: "tpl1", Data: map[string]string{"thing1": text}}
}

// A message gets a version when it is new, and keeps it when it is made again.
func TestStore_MessageVersions(t *testing.T) {
	everywhere(t, func(t *testing.T, f *fixture) {
		j := f.claimed(alice)
		f.versions(j.ID)
		for i, text := range []string{"a 🙂", "a 🙂", "b", "a 🙂"} {
			version, err := f.SaveMessage(f.ctx, j.Lease(), pushd.Prepared{Message: saying(text)})
			f.ok(err)
			if want := []int{1, 1, 2, 3}[i]; version != want {
				t.Errorf("%q is version %d, want %d", text, version, want)
			}
		}
		f.versions(j.ID, "a 🙂", "b", "a 🙂")
		other := f.create(43, "wx2")
		f.versions(other.ID)
	})
}

// A correction replaces what it has seen and nothing else: of two at once, the
// second has to look again.
func TestStore_CommandCorrectsTheMessage(t *testing.T) {
	everywhere(t, func(t *testing.T, f *fixture) {
		j := f.claimed(alice)
		f.message(j.Lease(), pushd.Prepared{Message: saying("wrong"), StartTime: start})
		right := func(before pushd.Asked, text string) (pushd.Job, error) {
			posted := before
			asked := pushd.Asked{Data: saying(text).Data, Posted: &posted}
			return f.Command(f.ctx, j.ID, pushd.Command{From: []pushd.State{pushd.Paused}, AskedBefore: &before, Asked: &asked, Message: saying(text)})
		}
		_, err := right(pushd.Asked{}, "right")
		f.want(err, pushd.ErrLost) // it runs
		_, err = f.Command(f.ctx, j.ID, pushd.Command{From: pushd.ActiveStates, To: pushd.Paused})
		f.ok(err)
		got, err := right(pushd.Asked{}, "right")
		f.ok(err)
		if got.State != pushd.Paused || got.MessageVersion != 2 || got.Prepared.Message.Data["thing1"] != "right" || got.Prepared.StartTime != start ||
			got.Asked.Data["thing1"] != "right" || got.Asked.Posted == nil {
			t.Errorf("corrected: %+v", got)
		}
		_, err = right(pushd.Asked{}, "late")
		f.want(err, pushd.ErrLost)
		got, err = right(got.Asked, "righter")
		f.ok(err)
		f.versions(j.ID, "wrong", "right", "righter")
		if got.MessageVersion != 3 {
			t.Errorf("version %d", got.MessageVersion)
		}
	})
}
