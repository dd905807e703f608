package wechatsim

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"
)

func TestUserInfo(t *testing.T) {
	r := newRig(t, AccountOptions{Followers: 20, Tags: []Tag{{ID: 101, Name: "老学员", Share: 0.5}}})
	stays, left := r.acct.OpenID(3), r.acct.OpenID(4)
	r.acct.Leave(left)
	r.acct.SetCode(r.acct.OpenID(5), 43004)
	for _, tt := range []struct {
		openid    string
		code      int
		subscribe int
	}{{stays, 0, 1}, {left, 0, 0}, {r.acct.OpenID(5), 0, 0}, {"oStranger", 40003, 0}} {
		_, text, err := r.raw("GET", "/cgi-bin/user/info?access_token="+r.token()+"&openid="+tt.openid+"&lang=en", "")
		if err != nil {
			t.Fatal(err)
		}
		var u struct {
			answer
			userInfo
		}
		if err := json.Unmarshal([]byte(text), &u); err != nil {
			t.Fatal(err)
		}
		if u.Code != tt.code || u.Subscribe != tt.subscribe || tt.code == 0 && u.OpenID != tt.openid {
			t.Errorf("user/info of %s: %s", tt.openid, text)
		}
		if tt.subscribe == 1 && (*u.Language != "en" || u.Since == 0 || !slices.Equal(u.Tags, r.acct.tagsOf(3))) {
			t.Errorf("a follower's info is %s", text)
		}
		if tt.code == 0 && tt.subscribe == 0 && strings.Contains(text, "subscribe_time") {
			t.Errorf("WeChat tells nothing of who left: %s", text)
		}
	}
}

func TestUserInfo_Batch(t *testing.T) {
	r := newRig(t, AccountOptions{Followers: 200})
	ask := func(openids ...string) (string, answer) {
		list := make([]map[string]string, len(openids))
		for i, id := range openids {
			list[i] = map[string]string{"openid": id}
		}
		body, err := json.Marshal(map[string]any{"user_list": list})
		if err != nil {
			t.Fatal(err)
		}
		_, text, err := r.raw("POST", "/cgi-bin/user/info/batchget?access_token="+r.token(), string(body))
		if err != nil {
			t.Fatal(err)
		}
		var a answer
		if err := json.Unmarshal([]byte(text), &a); err != nil {
			t.Fatal(err)
		}
		return text, a
	}
	var hundred []string
	for i := range 100 {
		hundred = append(hundred, r.acct.OpenID(i))
	}
	if text, a := ask(hundred...); a.Code != 0 || strings.Count(text, `"subscribe":1`) != 100 {
		t.Errorf("100 openids: %s", text)
	}
	if _, a := ask(append(hundred, r.acct.OpenID(100))...); a.Code != 40003 {
		t.Errorf("101 openids: %d", a.Code)
	}
	if _, a := ask("oStranger"); a.Code != 40003 {
		t.Errorf("a stranger: %d", a.Code)
	}
	if _, a := ask(); a.Code != 47001 {
		t.Errorf("no one: %d", a.Code)
	}
}

func TestTags(t *testing.T) {
	opts := paged(60, nil)
	opts.Tags = []Tag{{ID: 2, Name: "星标组"}, {ID: 101, Name: "老学员", Share: 0.5}}
	r := newRig(t, opts)
	want := r.acct.Tagged(101)
	if len(want) < 15 || len(want) > 45 {
		t.Fatalf("%d of 60 carry the tag", len(want))
	}
	_, text, err := r.raw("GET", "/cgi-bin/tags/get?access_token="+r.token(), "")
	if err != nil {
		t.Fatal(err)
	}
	var in struct {
		Tags []struct {
			ID, Count int
			Name      string
		}
	}
	if err := json.Unmarshal([]byte(text), &in); err != nil {
		t.Fatal(err)
	}
	if len(in.Tags) != 2 || in.Tags[0].Count != 0 || in.Tags[1].Count != len(want) || in.Tags[1].Name != "老学员" {
		t.Errorf("tags/get: %s", text)
	}
	var got []string
	for next, pages := "", 0; pages < 10; pages++ {
		a, err := r.post("/cgi-bin/user/tag/get", `{"tagid":101,"next_openid":"`+next+`"}`)
		if err != nil {
			t.Fatal(err)
		}
		if a.Code != 0 || a.Total != 0 {
			t.Fatalf("user/tag/get: %+v", a)
		}
		if a.Count == 0 {
			break
		}
		got, next = append(got, a.Data.OpenID...), a.Next
	}
	if !slices.Equal(got, want) {
		t.Errorf("listed %d of %d", len(got), len(want))
	}
	r.acct.Tune(func(b *Behaviour) {
		b.TagPagesPerDay, b.TagOffset = 4, -3
		b.Walk.Faults = []PageFault{{From: 2, Kind: PageEmpty}, {From: 3, Kind: PageBlank}}
	})
	r.acct.ResetQuota()
	for n, want := range []string{`"count":10,`, `{"count":0}`, `"count":11,"data":{"openid":["",`, `"count":10,`, "45009"} {
		if _, text, err := r.raw("POST", "/cgi-bin/user/tag/get?access_token="+r.token(), `{"tagid":101}`); err != nil || !strings.Contains(text, want) {
			t.Errorf("call %d: %s, %v; want %s", n+1, text, err, want)
		}
	}
	if _, text, err := r.raw("GET", "/cgi-bin/tags/get?access_token="+r.token(), ""); err != nil || !strings.Contains(text, fmt.Sprintf(`"count":%d}`, len(got)-3)) {
		t.Errorf("%d carry the tag: %s, %v", len(got), text, err)
	}
	r.acct.ResetQuota()
	for body, code := range map[string]int{
		`{"tagid":7}`: 45159, `{"tagid":101,"next_openid":"oStranger"}`: 40003, `{`: 47001,
	} {
		if a, err := r.post("/cgi-bin/user/tag/get", body); err != nil || a.Code != code {
			t.Errorf("%s: %+v, %v", body, a, err)
		}
	}
}
