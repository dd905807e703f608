package wechat

import (
	"fmt"
	"io"
	"net/http"
	"reflect"
	"testing"

	"pushd"
)

func TestClient_Tagged(t *testing.T) {
	for _, tc := range []struct {
		name, body string
		cursor     pushd.OpenID
		want       string
		code       int
		cause      pushd.Cause
	}{
		{"Page", `{"count":2,"data":{"openid":["oA","oB"]},"next_openid":"oB"}`, "", "[oA oB] oB", 0, 0},
		{"BehindACursor", `{"count":1,"data":{"openid":["oC"]},"next_openid":"oC"}`, "oB", "[oC] oC", 0, 0},
		{"TheEnd", `{"count":0}`, "oC", "[] ", 0, 0},
		{"TheEndWithData", `{"count":0,"data":{"openid":[]},"next_openid":""}`, "oC", "[] ", 0, 0},
		{"NoSuchTag", `{"errcode":45159,"errmsg":"invalid tag id rid: 1-2-3"}`, "", "", 45159, pushd.CauseAudience},
		{"NoSuchGroup", `{"errcode":40152,"errmsg":"invalid group id"}`, "", "", 40152, pushd.CauseAudience},
		{"Cursor", `{"errcode":40003,"errmsg":"invalid openid"}`, "oX", "", 40003, pushd.CauseCursor},
		{"Quota", `{"errcode":45009,"errmsg":"reach max api daily quota limit"}`, "", "", 45009, 0},
		{"NothingOfWeChats", `{}`, "", "", pushd.CodeNotJSON, 0},
		{"Page500", `<html>`, "", "", pushd.CodeNotJSON, 0},
	} {
		t.Run(tc.name, func(t *testing.T) {
			c, _ := serve(t, Options{}, func(w http.ResponseWriter, r *http.Request) {
				body, _ := io.ReadAll(r.Body)
				if string(body) != fmt.Sprintf(`{"next_openid":%q,"tagid":101}`, tc.cursor) || r.Method != "POST" || r.URL.Path != pathTagged {
					t.Errorf("asked %s %s %s", r.Method, r.URL.Path, body)
				}
				io.WriteString(w, tc.body)
			})
			p, a := c.Tagged(t.Context(), token, 101, tc.cursor)
			if a.Code != tc.code || a.Cause != tc.cause || a.OK() != (tc.code == 0) || a.Ambiguous {
				t.Errorf("answer %+v", a)
			}
			if a.OK() && (fmt.Sprintf("%v %s", p.OpenIDs, p.Next) != tc.want || !p.Uncounted) {
				t.Errorf("page %+v", p)
			}
		})
	}
}

func TestClient_Tags(t *testing.T) {
	for _, tc := range []struct {
		name, body string
		want       []pushd.Tag
		answer     pushd.Answer
	}{
		{"OK", `{"tags":[{"id":2,"name":"星标组","count":0},{"id":101,"name":"老学员","count":12}]}`,
			[]pushd.Tag{{ID: 2, Name: "星标组"}, {ID: 101, Name: "老学员", Count: 12}}, pushd.Answer{}},
		{"None", `{"tags":[]}`, []pushd.Tag{}, pushd.Answer{}},
		{"TextsAndControls", "{\"tags\":[{\"id\":\"101\",\"name\":\"v\x01ip\",\"count\":\"3\"}]}", []pushd.Tag{{ID: 101, Name: "vip", Count: 3}}, pushd.Answer{}},
		{"WithoutID", `{"tags":[{"name":"x"},{"id":0},{"id":-1},{"id":99999999999}]}`, []pushd.Tag{}, pushd.Answer{}},
		{"NegativeCount", `{"tags":[{"id":1,"count":-5}]}`, []pushd.Tag{{ID: 1}}, pushd.Answer{}},
		{"NoList", `{"tags":"x"}`, nil, unreadable("the answer holds no tags")},
		{"Nothing", `{}`, nil, unreadable("the answer holds no tags")},
		{"Refused", `{"errcode":48001,"errmsg":"api unauthorized"}`, nil, pushd.Answer{Verdict: pushd.Fatal, Code: 48001, Text: "api unauthorized"}},
		{"Page", `<p>`, nil, unreadable("the answer is a web page")},
	} {
		t.Run(tc.name, func(t *testing.T) {
			c, _ := serve(t, Options{}, func(w http.ResponseWriter, r *http.Request) {
				if r.Method != "GET" || r.URL.Path != pathTags {
					t.Errorf("asked %s %s", r.Method, r.URL.Path)
				}
				io.WriteString(w, tc.body)
			})
			if got, a := c.Tags(t.Context(), token); !reflect.DeepEqual(got, tc.want) || a != tc.answer {
				t.Errorf("got %+v, %+v", got, a)
			}
		})
	}
}

// Of an openid that is another account's WeChat says 40003; of one who has left,
// that they have.
func TestClient_Knows(t *testing.T) {
	for _, tc := range []struct {
		name, body string
		known, ok  bool
	}{
		{"Follows", `{"subscribe":1,"openid":"oA","language":"zh_CN","subscribe_time":1434093047}`, true, true},
		{"HasLeft", `{"subscribe":0,"openid":"oA"}`, true, true},
		{"AnothersOpenID", `{"errcode":40003,"errmsg":"invalid openid"}`, false, true},
		{"Token", `{"errcode":40001,"errmsg":"invalid credential"}`, false, false},
		{"Busy", `{"errcode":-1,"errmsg":"system error"}`, false, false},
		{"OfNoOne", `{"subscribe":1}`, false, false},
		{"Page", `<p>`, false, false},
	} {
		t.Run(tc.name, func(t *testing.T) {
			c, _ := serve(t, Options{}, func(w http.ResponseWriter, r *http.Request) {
				if r.Method != "GET" || r.URL.Path != pathInfo || r.URL.Query().Get("openid") != "oA" {
					t.Errorf("asked %s %s", r.Method, r.URL.Path)
				}
				io.WriteString(w, tc.body)
			})
			if known, a := c.Knows(t.Context(), token, "oA"); known != tc.known || a.OK() != tc.ok {
				t.Errorf("%t, %+v", known, a)
			}
		})
	}
}
