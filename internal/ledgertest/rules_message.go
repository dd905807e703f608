package ledgertest

import (
	"testing"

	"pushd"
)

func messageRules() []rule {
	return []rule{
		{"MessageVersions", messageVersions},
		{"CommandCorrectsTheMessage", commandCorrectsTheMessage},
		{"MessageIsKept", messageIsKept},
		{"AskedForNothing", askedForNothing},
	}
}

// A message gets a version when it is new, and keeps it when it is made again.
func messageVersions(t *testing.T, f *bench) {
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
}

// A correction replaces what it has seen and nothing else: of two at once, the
// second has to look again.
func commandCorrectsTheMessage(t *testing.T, f *bench) {
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
}

// versions checks the messages that a job has had.
func (f *bench) versions(id pushd.JobID, want ...string) {
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

// A message is kept as it was when it was saved. No message has no version.
func messageIsKept(t *testing.T, f *bench) {
	j := f.claimed(alice)
	m := saying("a")
	m.Countdown = &pushd.Countdown{StartTime: start, Minutes: 30, Title: "第一课 🙂", Data: map[string]string{"thing1": "{{minutes}} {{title}}"}}
	f.message(j.Lease(), pushd.Prepared{Message: m, StartTime: start})
	m.Data["thing1"] = "changed since"
	f.job(j.ID).Prepared.Message.Data["thing1"] = "changed by a reader"
	f.versions(j.ID, "a")
	got := f.job(j.ID).Prepared.Message
	if got.Data["thing1"] != "a" {
		t.Errorf("the message says %q", got.Data["thing1"])
	}
	if c := got.Countdown; c == nil || c.StartTime != start || c.Minutes != 30 || c.Title != "第一课 🙂" || c.Data["thing1"] != "{{minutes}} {{title}}" {
		t.Errorf("it counts the minutes by %+v", c)
	}
	version, err := f.SaveMessage(f.ctx, j.Lease(), pushd.Prepared{StartTime: start})
	f.ok(err)
	if got := f.job(j.ID); version != 0 || got.Prepared.Message != nil || got.MessageVersion != 1 {
		t.Errorf("without a message: version %d, %+v", version, got)
	}
}

// What was asked for is compared as it is written: nothing is nothing.
func askedForNothing(t *testing.T, f *bench) {
	j, err := f.Create(f.ctx, pushd.Job{ActID: actID, AppID: appID, Deadline: future, Asked: pushd.Asked{Data: map[string]string{}}})
	f.ok(err)
	if j.Asked.Data != nil {
		t.Errorf("asked for %+v", j.Asked)
	}
	for _, before := range []pushd.Asked{{}, {Data: map[string]string{}}} {
		_, err := f.Command(f.ctx, j.ID, pushd.Command{From: pushd.ActiveStates, AskedBefore: &before, Asked: &pushd.Asked{Data: map[string]string{}}})
		f.ok(err)
	}
}
