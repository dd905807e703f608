package wechatsim

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"
)

func TestFault_Actions(t *testing.T) {
	tests := []struct {
		action Action
		want   string // in the answer or the error
	}{
		{ActCode, `"errcode":-1`},
		{ActDrop, "EOF"},
		{ActReset, "reset"},
		{ActHalf, "unexpected EOF"},
		{ActEmpty, ""},
		{ActHTML, "502 Bad Gateway"},
		{ActNotJSON, "unavailable"},
	}
	for _, tt := range tests {
		for _, accept := range []float64{0, 1} {
			t.Run(fmt.Sprint(tt.action, accept), func(t *testing.T) {
				r := newRig(t, AccountOptions{Followers: 3})
				id := r.sim.Faults.Add(Fault{Path: PathSend, Action: tt.action, Code: -1, Accept: accept})
				path := "/cgi-bin/message/template/send?access_token=" + r.token()
				_, text, err := r.raw("POST", path, r.body(r.acct.OpenID(0), "job1"))
				if err != nil {
					text = err.Error()
				}
				if !strings.Contains(text, tt.want) || tt.want == "" && text != "" {
					t.Errorf("answer is %q, %v; want %q", text, err, tt.want)
				}
				if tt.action == ActReset && !errors.Is(err, syscall.ECONNRESET) {
					t.Errorf("error is %v, want a reset", err)
				}
				if n := r.sim.Faults.Hits(id); n != 1 {
					t.Errorf("%d hits", n)
				}
				r.settle(1)
				r.sim.Faults.Clear(id)
				if got := r.send(r.acct.OpenID(0), "job1"); got.Code != 0 {
					t.Errorf("after the fault the answer is %+v", got)
				}
				got := r.acct.Report("job1")
				if got.Once != 1 || got.AfterDoubt != 1 || got.Needless() != 0 || got.Recognised != int64(accept) {
					t.Errorf("report is %+v", got)
				}
			})
		}
	}
}

// settle waits until n sends have come and gone: a handler that cuts its
// connection ends after its caller knows.
func (r *rig) settle(n int64) {
	r.t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	if err := r.acct.Wait(ctx, func(t Stats) bool { return t.Sends >= n && t.InFlight == 0 }); err != nil {
		r.t.Fatalf("wait for %d sends: %v, stats %+v", n, err, r.acct.Stats())
	}
}

func TestFault_HangUntilCleared(t *testing.T) {
	r := newRig(t, AccountOptions{Followers: 3})
	id := r.sim.Faults.Add(Fault{Path: PathSend, Action: ActHang})
	done := make(chan error)
	go func() {
		_, err := r.post("/cgi-bin/message/template/send", r.body(r.acct.OpenID(0), "job1"))
		done <- err
	}()
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	if err := r.acct.WaitSends(ctx, 1); err != nil {
		t.Fatal(err)
	}
	select {
	case err := <-done:
		t.Fatalf("it did not hang: %v", err)
	default:
	}
	r.sim.Faults.Clear(id)
	if err := <-done; err == nil {
		t.Error("what hung was answered")
	}
}

func TestFault_Matching(t *testing.T) {
	tests := []struct {
		name  string
		fault Fault
		want  string // of ten sends, the bad ones
	}{
		{"All", Fault{}, "0123456789"},
		{"From", Fault{From: 9}, "89"},
		{"To", Fault{To: 2}, "01"},
		{"Every", Fault{Every: 4}, "37"},
		{"OtherAccount", Fault{AppID: "wxother"}, ""},
		{"OtherPath", Fault{Path: PathUserGet}, ""},
		{"Recipient", Fault{OpenID: newRigOpenID(6)}, "6"},
		{"Later", Fault{After: time.Minute}, ""},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			r := newRig(t, AccountOptions{Followers: 10})
			tt.fault.Action, tt.fault.Code = ActCode, -1
			r.sim.Faults.Add(tt.fault)
			bad := ""
			for i := range 10 {
				if got := r.send(r.acct.OpenID(i), "job1"); got.Code == -1 {
					bad += fmt.Sprint(i)
				}
			}
			if bad != tt.want {
				t.Errorf("bad are %q, want %q", bad, tt.want)
			}
		})
	}
}

// newRigOpenID is the openid of a follower of every rig.
func newRigOpenID(i int) string {
	n := newNaming(7, testApp)
	return string(n.append(nil, i))
}

func TestFault_Window(t *testing.T) {
	r := newRig(t, AccountOptions{Followers: 10})
	r.sim.Faults.Add(Fault{Path: PathSend, Action: ActCode, Code: 45011, After: time.Minute, For: time.Minute})
	var codes []int
	for i := range 4 {
		codes = append(codes, r.send(r.acct.OpenID(i), "job1").Code)
		r.sim.Advance(50 * time.Second)
	}
	if !slices.Equal(codes, []int{0, 0, 45011, 0}) {
		t.Errorf("codes are %v", codes)
	}
	if got := r.acct.Stats().Codes; got[0] != 3 || got[45011] != 1 {
		t.Errorf("stats has %v", got)
	}
}

func TestFault_ShareIsThePersonsNotTheOrders(t *testing.T) {
	bad := func(order []int) string {
		r := newRig(t, AccountOptions{Followers: 60})
		r.sim.Faults.Add(Fault{Path: PathSend, Action: ActCode, Code: -1, Share: 0.5})
		var got []int
		for _, i := range order {
			if r.send(r.acct.OpenID(i), "job1").Code == -1 {
				got = append(got, i)
			}
		}
		slices.Sort(got)
		return fmt.Sprint(got)
	}
	var up, down []int
	for i := range 60 {
		up, down = append(up, i), append([]int{i}, down...)
	}
	if a, b := bad(up), bad(down); a != b || len(a) < 60 {
		t.Errorf("bad are %s and %s", a, b)
	}
}

func TestFault_OtherPaths(t *testing.T) {
	r := newRig(t, AccountOptions{Followers: 3})
	r.sim.Faults.Add(Fault{Path: PathUserGet, Action: ActCode, Code: 45009, To: 1})
	if got := r.page(""); got.Code != 45009 {
		t.Errorf("first page is %+v", got)
	}
	if got := r.page(""); got.Count != 3 {
		t.Errorf("second page is %+v", got)
	}
	r.sim.Faults.Add(Fault{Path: PathUserGet, Action: ActHalf})
	_, text, err := r.raw("GET", "/cgi-bin/user/get?access_token="+r.token(), "")
	if err == nil || !strings.HasPrefix(text, `{"total":3`) {
		t.Errorf("half a page is %q, %v", text, err)
	}
}
