package wechat

import (
	"flag"
	"fmt"
	"os"
	"strings"
	"testing"

	"pushd"
)

var update = flag.Bool("update", false, "rewrite docs/errcodes.md")

func TestTable_IsSortedAndComplete(t *testing.T) {
	last := -2
	for _, e := range Table() {
		if e.Code <= last {
			t.Errorf("%d is out of order", e.Code)
		}
		last = e.Code
		if e.Meaning == "" || e.Source == "" || e.Verdict.String() == "invalid" {
			t.Errorf("%d: an empty cell", e.Code)
		}
	}
	Table()[0].Code = 5
	if Table()[0].Code != -1 {
		t.Error("the table can be changed from outside")
	}
}

// The verdicts that the design fixes, written out once more.
func TestClassify(t *testing.T) {
	for verdict, codes := range map[pushd.Verdict][]int{
		pushd.Sent:            {0},
		pushd.Skip:            {43004, 43101, 40003, 43019, 48002, 49003, 50005},
		pushd.DeferShort:      {40241},
		pushd.DeferLong:       {43117},
		pushd.TokenRefused:    {40001, 40014, 42001, 41001, 42007},
		pushd.Busy:            {-1, 268487000, 268487001, 268487002, 268487009},
		pushd.Slower:          {45011},
		pushd.Quota:           {45009},
		pushd.FatalIfRepeated: {40037, 40164},
		pushd.Fatal: {40002, 40008, 40013, 40033, 40035, 40036, 40039, 40097, 40125, 40243, 40249, 41002, 41004, 43002, 43003, 43100, 43116,
			44002, 45035, 45067, 45103, 47001, 47002, 47003, 48001, 48004, 50001, 50002, 61004, 61007, 61016, 89503, 89506, 89507,
			// The message or the request is wrong, and so for everyone.
			40034, 40038, 40048, 40054, 40055, 40062, 40066, 40068, 40081, 40101, 40126, 40138, 40141, 40155, 40159, 40165, 40166, 40176,
			40184, 40212, 40221, 40222, 41010, 41011, 41030, 43001, 43102, 43104, 44001, 44003, 44004, 44997, 45001, 45002, 45003, 45004,
			45005, 45006, 45007, 45008, 45012, 45013, 45014, 45021, 45027, 45051, 45082, 45166, 45168, 46001, 46101, 48008, 48009, 48011,
			61003, 61017, 65318},
		// Some are about the recipient, but not certainly; some are not
		// expected of these calls at all.
		pushd.Other: {40246, 40247, 41009, 43005, 43006, 45047, 45065, 45066, 46004, 48003, 48006, 50003, 50004, 65301, 9001001, 99999,
			268487010, -2, -1 << 63, 1<<63 - 1},
	} {
		for _, code := range codes {
			first := Classify(CallSend, code, "m")
			if first.Verdict != verdict || first.Ambiguous != (verdict == pushd.Busy) || first.Code != code {
				t.Errorf("%d: got %+v, want %v", code, first, verdict)
			}
			for _, call := range []Call{CallPage, CallQuota, CallTemplates} {
				want := verdict
				switch verdict {
				case pushd.Skip, pushd.DeferShort, pushd.DeferLong:
					want = pushd.Other
				}
				if a := Classify(call, code, "m"); a.Verdict != want || a.Ambiguous {
					t.Errorf("%d on call %d: got %+v, want %v", code, call, a, want)
				}
			}
		}
	}
}

// What an answer speaks of beyond its verdict, for each call.
func TestClassify_Cause(t *testing.T) {
	want := map[Call]map[int]pushd.Cause{
		CallSend: {
			43004: pushd.CauseUnfollowed, 40003: pushd.CauseOpenID, 49003: pushd.CauseOpenID, 40037: pushd.CauseTemplate, 43101: pushd.CauseUnwilling,
		},
		CallPage:  {40003: pushd.CauseCursor},
		CallQuota: {40164: pushd.CauseAddress},
	}
	for _, call := range []Call{CallSend, CallPage, CallQuota, CallTemplates} {
		for _, e := range Table() {
			if a := Classify(call, e.Code, "m"); a.Cause != want[call][e.Code] {
				t.Errorf("%d on call %d: cause %d, want %d", e.Code, call, a.Cause, want[call][e.Code])
			}
		}
	}
}

// An account is held for what WeChat punishes it with, whatever was called, and
// for nothing else; each of these ends the job, too.
func TestTable_Holds(t *testing.T) {
	want := map[int]bool{40249: true, 43116: true, 48004: true, 50002: true}
	for _, call := range []Call{CallSend, CallPage, CallQuota, CallTemplates} {
		for _, e := range Table() {
			if a := Classify(call, e.Code, "m"); a.Holds != want[e.Code] || e.Holds() != want[e.Code] || a.Holds && a.Verdict != pushd.Fatal {
				t.Errorf("%d on call %d: %v, holds %v", e.Code, call, a.Verdict, a.Holds)
			}
		}
	}
}

// The ledger tells a wait by its code, so each wait has one code.
func TestTable_WaitsHaveOneCode(t *testing.T) {
	want := map[pushd.Verdict]int{pushd.DeferShort: pushd.CodeDuplicate, pushd.DeferLong: pushd.CodeTooFrequent}
	seen := 0
	for _, e := range Table() {
		if code, waits := want[e.Verdict]; waits {
			if seen++; e.Code != code {
				t.Errorf("%d is %v, and the ledger knows %d alone", e.Code, e.Verdict, code)
			}
		}
	}
	if seen != len(want) {
		t.Errorf("%d codes ask for a wait", seen)
	}
}

func TestErrText(t *testing.T) {
	for in, want := range map[string]string{
		"ok": "", "": "",
		"require subscribe rid: 64489d92-7465ac28-12ccf767":                             "require subscribe",
		"system error hint: [EeSuhA04363721]":                                           "system error",
		"invalid ip 1.2.3.4 ipv6 ::ffff:1.2.3.4, not in whitelist, rid: 65f307bc-1a-18": "invalid ip 1.2.3.4 ipv6 ::ffff:1.2.3.4, not in whitelist",
		"too frequently,please try later!":                                              "too frequently,please try later",
		"a  b\nc\x00d。":                                                                 "a b c d",
		"the grid: is fine":                                                             "the grid: is fine",
		"bad \xff bytes":                                                                "bad ? bytes",
		"x rid: 1-2-3, see docs":                                                        "x, see docs",
	} {
		if got := errText(in); got != want {
			t.Errorf("%q: got %q, want %q", in, got, want)
		}
	}
	if got := errText(strings.Repeat("长", 200)); len(got) > maxText || !strings.HasSuffix(got, "长") {
		t.Errorf("a long text became %q", got)
	}
}

// docs/errcodes.md is this table; rewrite it with
// go test ./internal/wechat -run Errcodes -update.
func TestErrcodesPage(t *testing.T) {
	const path = "../../docs/errcodes.md"
	want := errcodesPage()
	if *update {
		if err := os.WriteFile(path, []byte(want), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	got, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if string(got) != want {
		t.Error("docs/errcodes.md is not what verdict.go says; run go test ./internal/wechat -run Errcodes -update")
	}
}

func errcodesPage() string {
	does := map[pushd.Verdict]string{
		pushd.Sent:            "done",
		pushd.Skip:            "this recipient can't or won't receive it: recorded, never retried",
		pushd.DeferShort:      "tried again at least 61 s later, at most three times, then failed",
		pushd.DeferLong:       "tried again once, at least 30 min later, then failed",
		pushd.TokenRefused:    "a fresh token, once for all, then sent again",
		pushd.Busy:            "tried again with growing pauses; nothing good for 3 s: the job parks",
		pushd.Slower:          "the account pauses to the next minute, then goes on more slowly",
		pushd.Quota:           "the job parks until there is quota again",
		pushd.Fatal:           "the job ends; no recipient's outcome",
		pushd.FatalIfRepeated: "tried again; the job ends when nothing else comes any more",
		pushd.Other:           "this recipient failed; retry by command. Many of them end the job",
	}
	var b strings.Builder
	b.WriteString("# What WeChat's answers mean\n\n" +
		"Made from `internal/wechat/verdict.go`; a test holds both together.\n\n" +
		"| verdict | what pushd does |\n| --- | --- |\n")
	for _, v := range pushd.Verdicts() {
		fmt.Fprintf(&b, "| %s | %s |\n", v, does[v])
	}
	b.WriteString("\nAn errcode that is not listed is `other`. Where the answer to an earlier try was lost, the\n" +
		"recipient stays in doubt: whom `other` meets is `unknown`, not failed. `defer_short` is then asked\n" +
		"once more after the minute of which it speaks, and a second one means that the earlier try was\n" +
		"accepted, if nothing else was sent for the account meanwhile.\n" +
		"For calls that send nothing (followers, quota, templates), `skip`, `defer_short` and\n" +
		"`defer_long` are `other`.\n" +
		"`holds`: the account is held until an operator lifts it, for going on is in vain or makes it worse.\n\n" +
		"| errcode | verdict | meaning | known from |\n| --- | --- | --- | --- |\n")
	for _, e := range Table() {
		verdict := e.Verdict.String()
		if e.Holds() {
			verdict += ", holds"
		}
		fmt.Fprintf(&b, "| %d | %s | %s | %s |\n", e.Code, verdict, e.Meaning, e.Source)
	}
	b.WriteString("\nSends without an errcode of WeChat's are `busy`:\n\n" +
		"| code | name | when | may have been accepted |\n| --- | --- | --- | --- |\n")
	for _, own := range []struct {
		code      int
		when, may string
	}{
		{pushd.CodeNotSent, "no connection, no TLS, no free connection in time: nothing of the message was written", "no"},
		{pushd.CodeTimeout, "no whole answer in time", "yes"},
		{pushd.CodeBroken, "reset, closed, or half an answer", "yes"},
		{pushd.CodeHTTP, "an HTTP status other than 200", "yes"},
		{pushd.CodeNotJSON, "an answer that is not WeChat's JSON", "yes"},
	} {
		fmt.Fprintf(&b, "| %d | %s | %s | %s |\n", own.code, pushd.CodeName(own.code), own.when, own.may)
	}
	return b.String()
}
