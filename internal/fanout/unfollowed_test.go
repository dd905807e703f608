package fanout

import (
	"context"
	"fmt"
	"testing"
	"testing/synctest"

	"pushd"
)

// outsiders are recipients whom WeChat does not know as the account's: openids of
// before it was migrated.
type outsiders struct {
	pushd.WeChat
	w *sim
}

func (o outsiders) Knows(ctx context.Context, tok pushd.Token, id pushd.OpenID) (bool, pushd.Answer) {
	known, a := o.WeChat.Knows(ctx, tok, id)
	return known && o.w.wechat.codes[id].code != 40003, a
}

// Many of those who ask for a stream on the platform's pages do not follow the
// account, or never were its followers, and WeChat says so of each. That speaks against no job whose token is the
// account's own, whether they come first or are most: the others get the message. Nor
// do they count with those whom WeChat refuses with a code that is not known.
func TestRun_SubscribersWhoDoNotFollow(t *testing.T) {
	for _, tc := range []struct {
		name                      string
		strangers, others, refuse int
		mixed                     bool
		alien                     int // so many of the strangers are no openids of the account
	}{
		{"a few, and some who are refused", 15, 60, 6, false, 0},
		{"at the head", 300, 60, 0, false, 0},
		{"at the head, and some who are refused", 300, 60, 6, false, 0},
		{"three of four", 600, 200, 0, true, 0},
		{"all of them", 300, 0, 0, false, 0},
		{"aliens at the head", 300, 60, 0, false, 300},
		{"aliens at the head, and some who are refused", 300, 60, 6, false, 300},
		{"aliens, some who do not follow, and others", 300, 60, 6, false, 250},
		{"three of four are aliens", 600, 200, 0, true, 600},
		{"aliens, and some who do not follow", 300, 0, 0, false, 100},
		{"a few aliens, and one who does not follow", 5, 0, 0, false, 4},
	} {
		t.Run(tc.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w := newSim(1, 0, false)
				w.wechat.followers = ids(0, 1000)
				name := "o-a-%04d-%d" // before all others
				if tc.mixed {
					name = "o%04d-%d"
				}
				who := ids(0, tc.others)
				for i := range tc.strangers {
					id := pushd.OpenID(fmt.Sprintf(name, i/3, i%3)) // three behind each of the others
					if who = append(who, id); i < tc.alien {
						w.wechat.codes[id] = fakePerson{code: 40003}
					} else {
						w.wechat.gone[id] = true
					}
				}
				w.change = func(c *Config) { c.WeChat = outsiders{c.WeChat, w} }
				for _, id := range w.wechat.followers[:tc.refuse] {
					w.wechat.codes[id] = fakePerson{code: 48003}
				}
				w.remindSubscribers(who)
				w.boot(0)
				w.post(1, pushd.Request{})
				w.settle()
				job, want := w.job(), pushd.Counts{Sent: int64(tc.others - tc.refuse), Skipped: int64(tc.strangers), Failed: int64(tc.refuse)}
				if c := job.Counts; job.State != pushd.Succeeded || c.Sent != want.Sent || c.Skipped != want.Skipped || c.Failed != want.Failed {
					t.Errorf("%s %s (%s), %+v; want %+v", job.State, job.Reason, job.Detail, c, want)
				}
				if job.Epoch != 1 {
					t.Errorf("it took %d claims: it was parked", job.Epoch)
				}
				if n := len(w.sentTo()); n != int(want.Sent) {
					t.Errorf("%d got the message, want %d", n, want.Sent)
				}
				w.end()
			})
		})
	}
}
