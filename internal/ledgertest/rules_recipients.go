package ledgertest

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"pushd"
)

func recipientRules() []rule {
	return []rule{
		{"OpenIDsCompareByteForByte", openIDsCompareByteForByte},
		{"RecipientBehindTheWatermark", recipientBehindTheWatermark},
		{"FailuresInOrderOverPages", failuresInOrderOverPages},
		{"Retry", retry},
	}
}

// Every byte of an openid counts, whatever a collation may think of it.
func openIDsCompareByteForByte(t *testing.T, f *bench) {
	page := []pushd.OpenID{"oAbc", "oabc", "oABC", "oAbc ", "xoAbc", "é", "e\u0301", "o'\\%_\x00", "\xff\xfe"}
	j := f.walked(page, []pushd.OpenID{"bc"})
	people := make([]pushd.Person, len(page))
	for i := range people {
		people[i] = pushd.Person{State: pushd.PersonFailed, Code: int32(i + 1)}
	}
	f.record(j.Lease(), 1, people...)
	f.record(j.Lease(), 2, skipped)
	for i, id := range page {
		p, err := f.Recipient(f.ctx, j.ID, id)
		f.ok(err)
		if p.Code != int32(i+1) {
			t.Errorf("%q is person %d, want %d", id, p.Code, i+1)
		}
	}
	if p, err := f.Recipient(f.ctx, j.ID, "bc"); err != nil || p.Person != skipped { // also the end of others
		t.Errorf("bc: %+v %v", p, err)
	}
	for _, id := range []pushd.OpenID{"", "oAb", "Abc", "OABC", "oAbc\noabc", "e"} {
		_, err := f.Recipient(f.ctx, j.ID, id)
		f.want(err, pushd.ErrNotFound)
	}
	var all strings.Builder
	for offset := 0; ; offset += 5 { // in slices that cut openids
		b, err := f.People(f.ctx, j.ID, 1, offset, 5)
		f.ok(err)
		if len(b) == 0 {
			break
		}
		all.Write(b)
	}
	var want strings.Builder
	for _, id := range page {
		want.WriteString(string(id) + "\n")
	}
	if all.String() != want.String() {
		t.Errorf("people %q, want %q", all.String(), want.String())
	}
	_, err := f.People(f.ctx, j.ID, 3, 0, 5)
	f.want(err, pushd.ErrNotFound)
	for _, bad := range []pushd.OpenID{"", "a\nb"} {
		if err := f.StorePage(f.ctx, j.Lease(), pushd.Page{No: 3, OpenIDs: []pushd.OpenID{bad}}, pushd.Walk{Pages: 3}); err == nil {
			t.Errorf("openid %q was stored", bad)
		}
	}
}

func recipientBehindTheWatermark(t *testing.T, f *bench) {
	j := f.walked([]pushd.OpenID{"oA", "oB", "oC"})
	f.ok(f.Record(f.ctx, j.Lease(), []pushd.Progress{{Page: 1, People: 3, Mark: 2, Outcomes: pushd.EncodePersons(nil, []pushd.Person{sent})}}))
	for id, want := range map[pushd.OpenID]pushd.PersonState{"oA": pushd.PersonSent, "oB": pushd.InDoubt, "oC": pushd.Untouched} {
		if p, err := f.Recipient(f.ctx, j.ID, id); err != nil || p.State != want {
			t.Errorf("%s: %v %v, want %v", id, p.State, err, want)
		}
	}
}

func failuresInOrderOverPages(t *testing.T, f *bench) {
	j := f.walked(bigPage(1), bigPage(2), []pushd.OpenID{"last"})
	full := slices.Repeat([]pushd.Person{sent}, pushd.PageSize)
	full[0], full[7], full[9999] = failed, unknown, skipped
	f.record(j.Lease(), 1, full...)
	f.record(j.Lease(), 2, slices.Repeat([]pushd.Person{sent}, pushd.PageSize)...)
	f.record(j.Lease(), 3, failed)
	list := func(states ...pushd.PersonState) (got []pushd.Failure) {
		f.ok(f.Failures(f.ctx, j.ID, states, func(x pushd.Failure) error { got = append(got, x); return nil }))
		return got
	}
	want := []pushd.Failure{
		{OpenID: bigPage(1)[0], State: pushd.PersonFailed, Code: 40003, Page: 1},
		{OpenID: bigPage(1)[7], State: pushd.PersonUnknown, Code: pushd.CodeTimeout, Page: 1},
		{OpenID: bigPage(1)[9999], State: pushd.PersonSkipped, Code: 43004, Page: 1},
		{OpenID: "last", State: pushd.PersonFailed, Code: 40003, Page: 3},
	}
	if got := list(pushd.PersonFailed, pushd.PersonUnknown, pushd.PersonSkipped); !slices.Equal(got, want) {
		t.Errorf("failures %+v", got)
	}
	if got := list(pushd.PersonFailed); len(got) != 2 {
		t.Errorf("failed %+v", got)
	}
	stop := errors.New("the reader went away")
	if err := f.Failures(f.ctx, j.ID, []pushd.PersonState{pushd.PersonFailed}, func(pushd.Failure) error { return stop }); !errors.Is(err, stop) {
		t.Errorf("error %v, want the reader's", err)
	}
}

// A retry is one command; who failed stays on the list until the worker comes to
// them, and a retry that ends early leaves them there.
func retry(t *testing.T, f *bench) {
	j := f.walked([]pushd.OpenID{"oA", "oB", "oC", "oD"}, []pushd.OpenID{"oE"})
	f.record(j.Lease(), 1, sent, failed, unknown, skipped)
	f.record(j.Lease(), 2, failed)
	f.ok(f.Finish(f.ctx, j.Lease(), pushd.Ending{State: pushd.Succeeded}))
	who := pushd.AgainUnknown
	_, err := f.Command(f.ctx, j.ID, pushd.Command{From: pushd.EndedStates, To: pushd.Queued, Retry: &who})
	f.ok(err)
	f.want(f.Record(f.ctx, j.Lease(), []pushd.Progress{{Page: 9}}), pushd.ErrLost)
	again, err := f.Claim(f.ctx, bob, j.ID, term)
	f.ok(err)
	if again.Retry != pushd.AgainUnknown || again.Counts.Failed != 2 || again.Counts.Unknown != 1 || f.status(actID) != 2 {
		t.Errorf("claimed: %q %+v, status %d", again.Retry, again.Counts, f.status(actID))
	}
	f.want(f.Record(f.ctx, j.Lease(), []pushd.Progress{ProgressOf(1, sent, sent, sent, sent)}), pushd.ErrLost)
	f.ok(f.Park(f.ctx, again.Lease(), pushd.Parking{Until: 1}))
	if again, err = f.Claim(f.ctx, bob, j.ID, term); err != nil || again.Retry != pushd.AgainUnknown {
		t.Errorf("after a park: %q %v", again.Retry, err)
	}
	f.ok(f.Finish(f.ctx, again.Lease(), pushd.Ending{State: pushd.Failed, Reason: pushd.WeChatRefused}))
	if got := f.job(j.ID); got.Retry != pushd.AgainNobody || got.Counts.Failed != 2 || f.status(actID) != 2 {
		t.Errorf("after a retry that failed: %q %+v, status %d", got.Retry, got.Counts, f.status(actID))
	}
}

// bigPage is a full page of openids of the usual length.
func bigPage(no int) []pushd.OpenID {
	ids := make([]pushd.OpenID, pushd.PageSize)
	for i := range ids {
		ids[i] = pushd.OpenID(fmt.Sprintf("o6_bmasdasdsad6_%06d_%05d", no, i))
	}
	return ids
}
