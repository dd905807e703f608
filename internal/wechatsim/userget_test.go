package wechatsim

import (
	"fmt"
	"slices"
	"strings"
	"testing"
)

// paged is an account whose pages hold ten openids.
func paged(followers int, change func(*Walk)) AccountOptions {
	b := Default()
	b.Walk.PageSize = 10
	if change != nil {
		change(&b.Walk)
	}
	return AccountOptions{Followers: followers, Behaviour: &b}
}

func unique(ids []string) int {
	ids = slices.Clone(ids)
	slices.Sort(ids)
	return len(slices.Compact(ids))
}

func TestUserGet_Walk(t *testing.T) {
	tests := []struct {
		name             string
		followers        int
		change           func(*Walk)
		ids, unique, all int // listed, different, calls
	}{
		{"None", 0, nil, 0, 0, 1},
		{"OnePage", 9, nil, 9, 9, 2},
		{"FullPage", 10, nil, 10, 10, 2},
		{"MorePages", 21, nil, 21, 21, 4},
		{"LastEmpty", 21, func(w *Walk) { w.LastEmpty = true }, 21, 21, 3},
		{"LastEmptyFull", 20, func(w *Walk) { w.LastEmpty = true }, 20, 20, 2},
		{"EarlyEnd", 50, func(w *Walk) { w.Faults = []PageFault{{From: 3, Kind: PageEmpty}} }, 20, 20, 3},
		{"Overlap", 50, func(w *Walk) { w.Faults = []PageFault{{From: 3, Kind: PageOverlap}} }, 55, 50, 7},
		{"Blank", 20, func(w *Walk) { w.Faults = []PageFault{{From: 2, Kind: PageBlank}} }, 21, 21, 3},
		{"Short", 50, func(w *Walk) { w.Faults = []PageFault{{From: 2, Kind: PageShort}} }, 50, 50, 7},
		{"CursorLeaves", 50, func(w *Walk) { w.LeaveCursor = true }, 50, 50, 6},
		{"CursorLeavesEmpty", 50, func(w *Walk) { w.LeaveCursor, w.Gone = true, GoneEmpty }, 10, 10, 2},
		{"CursorLeavesError", 50, func(w *Walk) { w.LeaveCursor, w.Gone = true, GoneError }, 10, 10, 2},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			r := newRig(t, paged(tt.followers, tt.change))
			ids, calls := r.walk()
			if len(ids) != tt.ids || unique(ids) != tt.unique || calls != tt.all {
				t.Errorf("listed %d, %d different, in %d calls; want %d, %d, %d",
					len(ids), unique(ids), calls, tt.ids, tt.unique, tt.all)
			}
			if n := r.acct.Stats().Pages; n != int64(calls) {
				t.Errorf("stats has %d pages, want %d", n, calls)
			}
		})
	}
}

func TestUserGet_Shape(t *testing.T) {
	r := newRig(t, paged(12, func(w *Walk) { w.TotalOffset = 5 }))
	resp, text, err := r.raw("GET", "/cgi-bin/user/get?access_token="+r.token(), "")
	if err != nil || resp.StatusCode != 200 || resp.Header.Get("Content-Type") != "application/json; encoding=utf-8" {
		t.Fatalf("answer is %v, %v", resp, err)
	}
	if !strings.HasPrefix(text, `{"total":17,"count":10,"data":{"openid":["o`) {
		t.Errorf("page is %.80s", text)
	}
	_, text, _ = r.raw("GET", "/cgi-bin/user/get?access_token="+r.token()+"&next_openid="+r.acct.OpenID(11), "")
	if text != `{"total":17,"count":0,"next_openid":""}` {
		t.Errorf("the page after the last is %s", text)
	}
}

func TestUserGet_RepeatAndLoop(t *testing.T) {
	for kind, want := range map[PageKind]int{PageRepeat: 9, PageLoop: 9} {
		r := newRig(t, paged(50, func(w *Walk) { w.Faults = []PageFault{{From: 3, Kind: kind}} }))
		one := r.page("")
		two := r.page(one.Next)
		three := r.page(two.Next)
		switch kind {
		case PageRepeat:
			if three.Next != two.Next || three.Data.OpenID[0] != two.Data.OpenID[0] {
				t.Errorf("third page is %v, want the second again", three)
			}
		case PageLoop:
			if three.Next != one.Next || three.Data.OpenID[want] != r.acct.OpenID(29) {
				t.Errorf("third page is %v, want the cursor of page 1", three)
			}
		}
	}
}

func TestUserGet_Churn(t *testing.T) {
	r := newRig(t, paged(100, func(w *Walk) { w.Leave, w.Join = 2, 3 }))
	ids, calls := r.walk()
	if unique(ids) != len(ids) || calls < 10 {
		t.Errorf("%d ids, %d different, %d calls", len(ids), unique(ids), calls)
	}
	if n := r.acct.Followers(); n == 100 {
		t.Error("no follower came or went")
	}
	for _, id := range ids {
		r.send(id, "job1")
	}
	if got := r.acct.Report("job1"); got.Missing != 0 || got.Followers < 70 || got.Followers == 100 || got.Newborn == 0 {
		t.Errorf("report is %+v", got)
	}
}

func TestUserGet_Limits(t *testing.T) {
	r := newRig(t, paged(10, nil))
	r.acct.Tune(func(b *Behaviour) { b.PagesPerDay = 2 })
	r.page("")
	r.page("")
	if got := r.page(""); got.Code != 45009 {
		t.Errorf("third call is answered %+v", got)
	}
	r.acct.ResetQuota()
	if got := r.page(strings.Repeat("x", 28)); got.Code != 40003 {
		t.Errorf("a strange cursor is answered %+v", got)
	}
}

func TestUserGet_OrderIsStable(t *testing.T) {
	a, _ := newRig(t, paged(40, nil)).walk()
	b, _ := newRig(t, paged(40, nil)).walk()
	if fmt.Sprint(a) != fmt.Sprint(b) {
		t.Error("the same seed lists other openids")
	}
}
