package ledgertest

import (
	"slices"
	"testing"

	"pushd"
)

func audienceRules() []rule {
	return []rule{
		{"AudienceOfAJob", audienceOfAJob},
		{"AudienceOfAChannel", audienceOfAChannel},
		{"SubscribersInPages", subscribersInPages},
		{"SubscribersComeAndGo", subscribersComeAndGo},
	}
}

// A job keeps the audience that it was made with, through all that happens to it;
// one that was made without is for everyone.
func audienceOfAJob(t *testing.T, f *bench) {
	for i, c := range []struct{ asked, want pushd.Audience }{
		{"", pushd.AudienceFollowers}, {pushd.AudienceFollowers, pushd.AudienceFollowers},
		{pushd.AudienceSubscribers, pushd.AudienceSubscribers}, {pushd.TagAudience(pushd.TagIDMax), "tag:2147483647"},
	} {
		act, app := actID+1+pushd.ActID(i), appID+pushd.AppID('a'+rune(i))
		f.channel(act, app)
		j, err := f.Create(f.ctx, pushd.Job{ActID: act, AppID: app, Audience: c.asked, StartTime: start, Deadline: future})
		f.ok(err)
		claimed, err := f.Claim(f.ctx, alice, j.ID, term)
		f.ok(err)
		f.ok(f.Release(f.ctx, claimed.Lease()))
		f.cancel(j.ID)
		back, err := f.Command(f.ctx, j.ID, pushd.Command{From: pushd.EndedStates, To: pushd.Queued})
		f.ok(err)
		for _, got := range []pushd.Job{j, claimed, back, f.job(j.ID)} {
			if got.Audience != c.want {
				t.Errorf("asked for %q: the job is for %q, %s", c.asked, got.Audience, got.State)
			}
		}
	}
}

// A channel says who is reminded.
func audienceOfAChannel(t *testing.T, f *bench) {
	for _, want := range []pushd.Audience{pushd.AudienceFollowers, pushd.AudienceSubscribers, pushd.TagAudience(101)} {
		status := pushd.StatusNotNotified
		f.SetChannel(pushd.Channel{ActID: actID, AppID: appID, StartTime: start, Status: &status, Audience: want})
		ch, err := f.Channel(f.ctx, actID)
		f.ok(err)
		if ch.Audience != want {
			t.Errorf("the channel is for %q, want %q", ch.Audience, want)
		}
	}
}

// Subscribers are listed in the order of their bytes, page by page, and those of
// other channels not at all.
func subscribersInPages(t *testing.T, f *bench) {
	f.SetSubscribers(actID+1, openids("oB", "oOther"))
	page, err := f.Subscribers(f.ctx, actID, "", 3)
	f.ok(err)
	if len(page.OpenIDs) != 0 || page.Next != "" {
		t.Errorf("a channel without subscribers gives %+v", page)
	}
	all := openids("o-1", "o0", "oB", "oZ", "o_x", "ob", "oz")
	f.SetSubscribers(actID, append(slices.Clone(all[3:]), all[:3]...))
	for limit := 1; limit <= len(all)+1; limit++ {
		var got []pushd.OpenID
		for cursor, pages := pushd.OpenID(""), 1; ; pages++ {
			page, err := f.Subscribers(f.ctx, actID, cursor, limit)
			f.ok(err)
			got = append(got, page.OpenIDs...)
			if (page.Next == "") != (len(page.OpenIDs) < limit) || page.Odd != 0 {
				t.Fatalf("%d of %d asked for: %+v", len(page.OpenIDs), limit, page)
			}
			if cursor = page.Next; cursor == "" {
				break
			}
			if pages > 2*len(all) {
				t.Fatalf("with %d a page the list does not end", limit)
			}
		}
		if !slices.Equal(got, all) {
			t.Errorf("with %d a page: %v", limit, got)
		}
	}
}

// Whoever comes behind the cursor is on the next page, and who has gone is not.
func subscribersComeAndGo(t *testing.T, f *bench) {
	f.SetSubscribers(actID, openids("oA", "oC", "oE"))
	page, err := f.Subscribers(f.ctx, actID, "", 2)
	f.ok(err)
	f.SetSubscribers(actID, openids("oA", "oB", "oD", "oE"))
	next, err := f.Subscribers(f.ctx, actID, page.Next, 2)
	f.ok(err)
	if page.Next != "oC" || !slices.Equal(next.OpenIDs, openids("oD", "oE")) {
		t.Errorf("behind %q come %v", page.Next, next.OpenIDs)
	}
}
