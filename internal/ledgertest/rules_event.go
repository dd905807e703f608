package ledgertest

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"pushd"
)

func eventRules() []rule {
	return []rule{
		{"EventsOfALife", eventsOfALife},
		{"EventsOfRefusals", eventsOfRefusals},
		{"EventsAreBounded", eventsAreBounded},
		{"EventsOfAccounts", eventsOfAccounts},
		{"EventsArePaged", eventsArePaged},
	}
}

// events lists a job's events.
func (f *bench) events(id pushd.JobID) []pushd.Event {
	f.t.Helper()
	all, _, err := f.Events(f.ctx, pushd.EventFilter{Job: id, Limit: 1000})
	f.ok(err)
	return all
}

// listed writes events as "kind by".
func listed(events []pushd.Event) string {
	var words []string
	for _, e := range events {
		words = append(words, string(e.Kind)+" "+string(e.By))
	}
	return strings.Join(words, ", ")
}

// What happens to a job is written down with who did it and its figures.
func eventsOfALife(t *testing.T, f *bench) {
	worker := pushd.ActedBy(f.ctx, "alice")
	ops := pushd.ActedBy(f.ctx, "ops")
	j, err := f.Create(pushd.ActedBy(f.ctx, "cron"), pushd.Job{ActID: actID, AppID: appID, StartTime: start, Deadline: future})
	f.ok(err)
	j, err = f.Claim(worker, alice, j.ID, term)
	f.ok(err)
	m := pushd.Prepared{Message: &pushd.Message{TemplateID: "t", Data: map[string]string{"thing1": "a"}}, StartTime: start}
	for range 2 { // the same message is no news
		_, err = f.SaveMessage(worker, j.Lease(), m)
		f.ok(err)
	}
	f.ok(f.StorePage(worker, j.Lease(), pushd.Page{No: 1, OpenIDs: openids("a", "b")}, pushd.Walk{Pass: 1, Pages: 1, Walked: 2, Complete: true}))
	f.ok(f.Note(worker, pushd.Event{Job: j.ID, Kind: pushd.EventToken, Detail: "another"}))
	f.ok(f.Park(worker, j.Lease(), pushd.Parking{Reason: pushd.WeChatDown, Detail: "busy", Until: 5_000_000}))
	rate := 7
	_, err = f.Command(ops, j.ID, pushd.Command{Kind: pushd.EventChanged, From: pushd.ActiveStates, Rate: &rate})
	f.ok(err)
	_, err = f.Command(ops, j.ID, pushd.Command{From: pushd.ActiveStates, Unpark: true}) // leaves nothing
	f.ok(err)
	j, err = f.Claim(f.ctx, bob, j.ID, term)
	f.ok(err)
	f.record(j.Lease(), 1, sent, skipped)
	f.ok(f.Finish(pushd.ActedBy(f.ctx, "bob"), j.Lease(), succeeded))

	all := f.events(j.ID)
	want := "accepted cron, claimed alice, message alice, walked alice, token alice, parked alice, changed ops, claimed bob, ended bob"
	if listed(all) != want {
		t.Fatalf("listed %s\nwant %s", listed(all), want)
	}
	for i, e := range all {
		if e.Job != j.ID || e.AppID != appID || e.At == 0 || e.Last < e.At || e.Times != 1 || i > 0 && e.At < all[i-1].At {
			t.Errorf("%+v", e)
		}
	}
	if e := all[3]; e.Figures["walked"] != 2 || e.Figures["pages"] != 1 {
		t.Errorf("%+v", e)
	}
	if e := all[5]; e.Reason != pushd.WeChatDown || e.Detail != "busy" || e.Figures["until"] != 5 {
		t.Errorf("%+v", e)
	}
	if e := all[6]; e.Figures["rate"] != 7 || len(e.Figures) != 1 {
		t.Errorf("%+v", e)
	}
	if e := all[8]; e.State != pushd.Succeeded || e.Figures["sent"] != 1 || e.Figures["skipped"] != 1 || e.Figures["walked"] != 2 {
		t.Errorf("%+v", e)
	}

	// What a person does to an ended job, and with it when it is canceled.
	who := pushd.AgainFailed
	_, err = f.Command(ops, j.ID, pushd.Command{Kind: pushd.EventRetried, From: pushd.EndedStates, To: pushd.Queued, Retry: &who, Deadline: future})
	f.ok(err)
	_, err = f.Command(ops, j.ID, pushd.Command{Kind: pushd.EventCanceled, From: pushd.ActiveStates, To: pushd.Canceled, Reason: pushd.CanceledByUser, Detail: "by a person"})
	f.ok(err)
	all = f.events(j.ID)[len(all):]
	if listed(all) != "retried ops, canceled ops" || all[0].Figures["deadline"] != int64(future)/1e6 ||
		all[1].State != pushd.Canceled || all[1].Figures["sent"] != 1 || all[1].Reason != pushd.CanceledByUser {
		t.Errorf("listed %+v", all)
	}
}

// What was refused has not happened.
func eventsOfRefusals(t *testing.T, f *bench) {
	j := f.create(actID, appID)
	_, err := f.Create(f.ctx, pushd.Job{ActID: actID, AppID: appID, StartTime: start, Deadline: future})
	f.want(err, pushd.ErrExists)
	_, err = f.Command(f.ctx, j.ID, pushd.Command{Kind: pushd.EventRetried, From: pushd.EndedStates, To: pushd.Queued})
	f.want(err, pushd.ErrLost)
	j, err = f.Claim(f.ctx, alice, j.ID, term)
	f.ok(err)
	_, err = f.Claim(f.ctx, bob, j.ID, term)
	f.want(err, pushd.ErrLost)
	f.want(f.Finish(f.ctx, j.Lease(), succeeded), pushd.ErrIncomplete)
	f.want(f.Park(f.ctx, pushd.Lease{Job: j.ID, Epoch: j.Epoch - 1}, pushd.Parking{}), pushd.ErrLost)
	all, _, err := f.Events(f.ctx, pushd.EventFilter{Limit: 100})
	if err != nil || listed(all) != "accepted , claimed alice" {
		t.Errorf("listed %s, %v", listed(all), err)
	}
	// An expiry is an end.
	f.ok(f.Release(f.ctx, j.Lease()))
	f.due(j.ID, 1)
	_, err = f.Expire(f.ctx, 1)
	f.ok(err)
	if all = f.events(j.ID); listed(all) != "accepted , claimed alice, ended " || all[2].State != pushd.Expired || all[2].Reason != pushd.DeadlinePassed {
		t.Errorf("listed %+v", all)
	}
}

// A job that parks and goes on for a day does not fill the table: the first are
// kept one by one, the others are counted.
func eventsAreBounded(t *testing.T, f *bench) {
	const rounds = pushd.EventsOfAKind + 7
	j := f.create(actID, appID)
	for i := range rounds {
		claimed, err := f.Claim(f.ctx, alice, j.ID, term)
		f.ok(err)
		f.ok(f.Park(f.ctx, claimed.Lease(), pushd.Parking{Reason: pushd.WeChatDown, Detail: fmt.Sprint(i), Until: 1}))
	}
	claimed, err := f.Claim(f.ctx, alice, j.ID, term)
	f.ok(err)
	f.ok(f.Park(f.ctx, claimed.Lease(), pushd.Parking{Reason: pushd.TokenUnavailable, Until: 1}))
	count, times := map[string]int{}, map[string]int{}
	var last pushd.Event
	for _, e := range f.events(j.ID) {
		key := string(e.Kind) + " " + string(e.Reason)
		count[key]++
		times[key] += e.Times
		if e.Reason == pushd.WeChatDown {
			last = e
		}
	}
	if count["parked wechat_down"] != pushd.EventsOfAKind || times["parked wechat_down"] != rounds || count["claimed "] != pushd.EventsOfAKind ||
		times["claimed "] != rounds+1 || count["parked token_unavailable"] != 1 {
		t.Errorf("%v rows, %v times", count, times)
	}
	if last.Times != 8 || last.Detail != fmt.Sprint(rounds-1) || last.Last <= last.At {
		t.Errorf("the last is %+v", last)
	}
}

// Holds and a ledger that went back are events of accounts, or of everything; old
// events go.
func eventsOfAccounts(t *testing.T, f *bench) {
	ops := pushd.ActedBy(f.ctx, "ops")
	for range 2 { // the second changes nothing
		_, _, err := f.SetHold(ops, pushd.Hold{AppID: appID, Reason: "why", By: "ops"})
		f.ok(err)
	}
	_, err := f.LiftHold(ops, appID)
	f.ok(err)
	_, err = f.LiftHold(ops, appID)
	f.want(err, pushd.ErrNotFound)
	j := f.walked(openids("a"))
	f.ok(f.Finish(f.ctx, j.Lease(), pushd.Ending{State: pushd.Failed, Hold: &pushd.Hold{AppID: appID, Reason: "48004", By: "alice", Code: 48004}}))
	in, err := f.Installation(f.ctx)
	f.ok(err)
	_, err = f.StepBack(f.ctx, pushd.StepBack{Found: in.Value, Value: 1000, Hold: true, Detail: "gone"})
	f.ok(err)
	all, _, err := f.Events(f.ctx, pushd.EventFilter{Limit: 100})
	f.ok(err)
	all = slices.DeleteFunc(all, func(e pushd.Event) bool { return e.Job != "" })
	if listed(all) != "held ops, lifted ops, held alice, ledger_back " || all[0].AppID != appID || all[0].Detail != "why" ||
		all[2].Figures["errcode"] != 48004 || all[3].AppID != "" || all[3].Detail != "gone" {
		t.Errorf("listed %s: %+v", listed(all), all)
	}
	mine, _, err := f.Events(f.ctx, pushd.EventFilter{AppID: appID, Since: all[1].At, Limit: 1})
	if err != nil || len(mine) != 1 || mine[0].At < all[1].At || mine[0].AppID != appID {
		t.Errorf("of the account since then: %+v, %v", mine, err)
	}
	cut := f.tick()
	f.ok(f.Note(f.ctx, pushd.Event{Kind: pushd.EventToken}))
	for more := true; more; {
		more, err = f.Purge(f.ctx, cut)
		f.ok(err)
	}
	if left, _, err := f.Events(f.ctx, pushd.EventFilter{Limit: 100}); err != nil || listed(left) != "token " {
		t.Errorf("after the purge: %s, %v", listed(left), err)
	}
}

// Who goes on with the cursor sees every event once.
func eventsArePaged(t *testing.T, f *bench) {
	for i := range 7 {
		f.ok(f.Note(f.ctx, pushd.Event{Kind: pushd.EventToken, AppID: pushd.AppID(fmt.Sprint("wx", i))}))
	}
	var seen []string
	cursor := ""
	for range 6 {
		part, next, err := f.Events(f.ctx, pushd.EventFilter{Limit: 3, Cursor: cursor})
		f.ok(err)
		for _, e := range part {
			seen = append(seen, string(e.AppID))
		}
		if cursor = next; len(part) < 3 {
			break
		}
	}
	if fmt.Sprint(seen) != "[wx0 wx1 wx2 wx3 wx4 wx5 wx6]" {
		t.Errorf("seen %v", seen)
	}
	f.ok(f.Note(f.ctx, pushd.Event{Kind: pushd.EventToken, AppID: "late"}))
	if part, next, err := f.Events(f.ctx, pushd.EventFilter{Limit: 3, Cursor: cursor}); err != nil || len(part) != 1 || part[0].AppID != "late" {
		t.Errorf("later: %+v, %q, %v", part, next, err)
	} else if part, again, err := f.Events(f.ctx, pushd.EventFilter{Limit: 3, Cursor: next}); err != nil || len(part) != 0 || again != next {
		t.Errorf("nothing new: %+v, %q, %v", part, again, err)
	}
	_, _, err := f.Events(f.ctx, pushd.EventFilter{Limit: 3, Cursor: "?"})
	f.want(err, pushd.ErrCursor)
}
