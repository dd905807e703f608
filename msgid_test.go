package pushd

import (
	"regexp"
	"testing"
)

// An id that changed from one version to the next would make WeChat deliver
// twice what is sent on both sides of an upgrade.
func TestReminderMsgID_IsFixed(t *testing.T) {
	const want = MsgID("c3fdpwfcbpjxvd4o7rca")
	if got := ReminderMsgID("salt", "wx0000000000000001", 42, 1_900_000_000, 0); got != want {
		t.Errorf("got %s, want %s", got, want)
	}
}

// Each part counts, and no part can pass for a piece of another.
func TestReminderMsgID_TellsRemindersApart(t *testing.T) {
	seen := map[MsgID]string{}
	for name, id := range map[string]MsgID{
		"base":         ReminderMsgID("salt", "wx1", 42, 1_900_000_000, 0),
		"salt":         ReminderMsgID("salu", "wx1", 42, 1_900_000_000, 0),
		"account":      ReminderMsgID("salt", "wx2", 42, 1_900_000_000, 0),
		"channel":      ReminderMsgID("salt", "wx1", 43, 1_900_000_000, 0),
		"start":        ReminderMsgID("salt", "wx1", 42, 1_900_000_001, 0),
		"run":          ReminderMsgID("salt", "wx1", 42, 1_900_000_000, 1),
		"no start":     ReminderMsgID("salt", "wx1", 42, 0, 0),
		"digits moved": ReminderMsgID("salt", "wx14", 2, 1_900_000_000, 0),
		"line moved":   ReminderMsgID("salt\n3:wx1", "", 42, 1_900_000_000, 0),
		"start moved":  ReminderMsgID("salt", "wx1", 421, 900_000_000, 0),
		"run moved":    ReminderMsgID("salt", "wx1", 42, 190_000_000, 1),
	} {
		if other, taken := seen[id]; taken {
			t.Errorf("%s and %s have the same id", name, other)
		}
		seen[id] = name
	}
}

// WeChat takes up to 32 characters.
func TestMsgID_Form(t *testing.T) {
	form := regexp.MustCompile(`^[0-9a-z]{20}$`)
	seen := map[MsgID]bool{}
	for run := range 1000 {
		for _, id := range []MsgID{ReminderMsgID("salt", "wx1", 42, 0, run), NewMsgID()} {
			if !form.MatchString(string(id)) || seen[id] {
				t.Fatalf("id %q (seen before: %v)", id, seen[id])
			}
			seen[id] = true
		}
	}
}
