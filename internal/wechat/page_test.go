package wechat

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"reflect"
	"slices"
	"strings"
	"testing"

	"pushd"
)

func TestClient_PageRequest(t *testing.T) {
	var asked []string
	c, _ := serve(t, Options{}, func(w http.ResponseWriter, r *http.Request) {
		asked = append(asked, r.Method+" "+r.URL.Path+" "+r.URL.Query().Encode())
		io.WriteString(w, `{"total":2,"count":2,"data":{"openid":["oA","oB"]},"next_openid":"oB"}`)
	})
	for _, cursor := range []pushd.OpenID{"", "oB&x"} {
		p, a := c.Page(t.Context(), token, cursor)
		if !a.OK() || p.Total != 2 || p.Next != "oB" || !reflect.DeepEqual(p.OpenIDs, []pushd.OpenID{"oA", "oB"}) {
			t.Fatalf("got %+v, %+v", p, a)
		}
	}
	want := []string{
		"GET /cgi-bin/user/get access_token=TOKEN-marked%2Fsecret%2B1",
		"GET /cgi-bin/user/get access_token=TOKEN-marked%2Fsecret%2B1&next_openid=oB%26x",
	}
	if !reflect.DeepEqual(asked, want) {
		t.Errorf("asked %q", asked)
	}
}

func TestParsePage(t *testing.T) {
	for _, tc := range []struct {
		name, body string
		want       string // "total next ids" or an error text
		code       int
	}{
		{"First", `{"total":23000,"count":2,"data":{"openid":["a","b"]},"next_openid":"b"}`, "23000 b [a b]", 0},
		{"LastEmpty", `{"total":23000,"count":0,"next_openid":""}`, "23000  []", 0},
		{"NullData", `{"total":1,"count":0,"data":null,"next_openid":""}`, "1  []", 0},
		{"NullOpenID", `{"total":1,"count":0,"data":{"openid":null}}`, "1  []", 0},
		{"EmptyArray", `{"total":0,"count":0,"data":[ ],"next_openid":null}`, "0  []", 0},
		{"CountLies", `{"total":5,"count":9999,"data":{"openid":["a"]},"next_openid":"a"}`, "5 a [a]", 0},
		{"StrayEmpty", `{"total":2,"count":2,"data":{"openid":["","a",null,"b"]},"next_openid":"b"}`, "2 b [a b]", 0},
		{"NoNext", `{"total":1,"data":{"openid":["a"]}}`, "1  [a]", 0},
		{"StringNumbers", `{"total":"7","count":"1","data":{"openid":["a"]}}`, "7  [a]", 0},
		{"ErrcodeZero", `{"errcode":0,"total":1,"count":1,"data":{"openid":["a"]}}`, "1  [a]", 0},
		{"BOM", "\xef\xbb\xbf" + `{"count":1,"data":{"openid":["a"]}}`, "0  [a]", 0},
		{"Error", `{"errcode":40013,"errmsg":"invalid appid rid: 1-2-3"}`, "invalid appid", 40013},
		{"NoList", `{}`, "the answer is not a list of followers", pushd.CodeNotJSON},
		{"SendAnswer", `{"errcode":0,"errmsg":"ok"}`, "the answer is not a list of followers", pushd.CodeNotJSON},
		{"Cut", `{"total":1,"count":1,"data":{"openid":["a`, "the answer is not WeChat's JSON", pushd.CodeNotJSON},
		{"Number", `{"total":3,"count":3,"data":{"openid":["a",1,"b"]},"next_openid":"b"}`, "3 b [a b] odd 1", 0},
		{"OddMembers", `{"total":9,"data":{"openid":["a",{"x":["y"]},true,"b c",null,"",["d"],"e"]},"next_openid":"e"}`, "9 e [a e] odd 4", 0},
		{"BlankWithin", `{"total":3,"count":3,"data":{"openid":["a","b c","d"]},"next_openid":"d"}`, "3 d [a d] odd 1", 0},
		{"BlanksAround", `{"total":2,"count":2,"data":{"openid":[" a","b\t"]},"next_openid":"b "}`, "2 b [a b]", 0},
		{"EscapedLine", `{"total":2,"count":2,"data":{"openid":["a\nb","c"]},"next_openid":"c"}`, "2 c [c] odd 1", 0},
		{"RawLine", "{\"total\":2,\"count\":2,\"data\":{\"openid\":[\"a\nb\",\"c\x01\",\"d\"]},\"next_openid\":\"d\"}", "2 d [d] odd 2", 0},
		{"NotUTF8", "{\"total\":2,\"count\":2,\"data\":{\"openid\":[\"a\xff\",\"b\"]},\"next_openid\":\"b\"}", "2 b [b] odd 1", 0},
		{"TooLong", `{"total":2,"data":{"openid":["a","` + strings.Repeat("x", 129) + `"]}}`, "2  [a] odd 1", 0},
		{"OddPage", `{"total":1,"count":1,"data":{"openid":[1]},"next_openid":"b"}`, "1 b [] odd 1", 0},
		{"OddEnd", `{"total":1,"count":1,"data":{"openid":[1]}}`, errOpenID.Error(), pushd.CodeNotJSON},
		{"BadNext", `{"total":2,"count":2,"data":{"openid":["a","b"]},"next_openid":"a b"}`, "2 b [a b]", 0},
		{"NumberNext", `{"total":2,"count":2,"data":{"openid":["a","b"]},"next_openid":{}}`, "2 b [a b]", 0},
		{"BadNextOfNobody", `{"total":0,"count":0,"next_openid":"a b"}`, "0  []", 0},
		{"TotalExponent", `{"total":2e1,"count":1,"data":{"openid":["a"]}}`, "20  [a]", 0},
		{"TotalFraction", `{"total":20.0,"data":{"openid":["a"]}}`, "20  [a]", 0},
		{"TotalHuge", `{"total":9223372036854775808,"data":{"openid":["a"]}}`, "9223372036854775807  [a]", 0},
		{"TotalText", `{"total":"many","data":{"openid":["a"]}}`, "0  [a]", 0},
		{"TotalTextAlone", `{"total":"many"}`, "the answer is not a list of followers", pushd.CodeNotJSON},
		{"ErrmsgNumber", `{"errcode":40013,"errmsg":5}`, "5", 40013},
		{"ErrcodeText", `{"errcode":"","total":1,"data":{"openid":["a"]}}`, "the answer is not WeChat's JSON", pushd.CodeNotJSON},
		{"DataString", `{"total":1,"count":1,"data":"x"}`, errOpenID.Error(), pushd.CodeNotJSON},
		{"TooMany", `{"total":1,"data":{"openid":[` + strings.Repeat(`"a",`, pushd.PageSize) + `"b"]}}`, errTooMany.Error(), pushd.CodeNotJSON},
	} {
		t.Run(tc.name, func(t *testing.T) {
			p, a := parsePage(CallPage, []byte(tc.body), token)
			got := a.Text
			if a.OK() {
				got = fmt.Sprintf("%d %s %s", p.Total, string(p.Next), p.OpenIDs)
			}
			if p.Odd > 0 {
				got += fmt.Sprint(" odd ", p.Odd)
			}
			if got != tc.want || a.Code != tc.code || a.Ambiguous {
				t.Errorf("got %q, %+v; want %q, code %d", got, a, tc.want, tc.code)
			}
		})
	}
}

// A full page passes; an answer beyond the cap does not, and is not read.
func TestClient_PageSize(t *testing.T) {
	body := func(n int) string {
		var b strings.Builder
		for i := range n {
			fmt.Fprintf(&b, `,"oia2TjuEGTNoeX76QEjQN%07d"`, i)
		}
		return `{"total":1000000,"count":10000,"data":{"openid":[` + b.String()[1:] + `]},"next_openid":"oZ"}`
	}
	var answer string
	c, _ := serve(t, Options{}, func(w http.ResponseWriter, _ *http.Request) { io.WriteString(w, answer) })
	answer = body(pushd.PageSize)
	if p, a := c.Page(t.Context(), token, ""); !a.OK() || len(p.OpenIDs) != pushd.PageSize || p.OpenIDs[9999] != "oia2TjuEGTNoeX76QEjQN0009999" {
		t.Errorf("full page: %d openids, %+v", len(p.OpenIDs), a)
	}
	answer = strings.Repeat(" ", maxPageAnswer) + body(1)
	if _, a := c.Page(t.Context(), token, ""); a.Code != pushd.CodeNotJSON || a.Text != "the answer is too long" {
		t.Errorf("over the cap: %+v", a)
	}
}

func FuzzPage(f *testing.F) {
	for _, s := range []string{
		`{"total":23000,"count":2,"data":{"openid":["oA","oB"]},"next_openid":"oB"}`, `{"total":23000,"count":0,"next_openid":""}`,
		`{"total":2,"count":2,"data":{"openid":["","oA"]},"next_openid":null}`, `{"count":0,"data":[]}`, `{"data":[[[]]],"total":1}`,
		`{"errcode":40003,"errmsg":"invalid openid rid: 1-2-3"}`, `{"total":"x"}`, `{"total":-1,"data":{"openid":["a\u0000"]}}`, `{"total":1,"data":{"openid":[1," a ","b\\"]},"next_openid":1}`, "{\"count\":1,\"data\":{\"openid\":[\"a\x02\"]}}", ``, `null`, `[]`,
	} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, body []byte) {
		p, a := parsePage(CallPage, body, token)
		if !a.OK() {
			if len(p.OpenIDs) != 0 || p.Next != "" || a.Code == 0 || a.Ambiguous {
				t.Errorf("a page with an error: %+v, %+v", p, a)
			}
			return
		}
		if len(p.OpenIDs) > pushd.PageSize {
			t.Errorf("%d openids", len(p.OpenIDs))
		}
		if want := plainly(body); !slices.Equal(p.OpenIDs, want) {
			t.Errorf("listed %q, want %q", p.OpenIDs, want)
		}
		if p.Odd > 0 && len(p.OpenIDs) == 0 && p.Next == "" {
			t.Error("a page of odd members passes for the end")
		}
		for _, id := range append(p.OpenIDs, p.Next) {
			if strings.ContainsAny(string(id), "\n\x00 ") || len(id) > 128 {
				t.Errorf("took %q as an openid", string(id))
			}
		}
	})
}

// plainly reads the openids of an answer without a thought of memory.
func plainly(body []byte) (ids []pushd.OpenID) {
	var r struct{ Data json.RawMessage }
	var d struct{ OpenID []any }
	if decode(body, &r) != nil || len(r.Data) == 0 || json.Unmarshal(r.Data, &d) != nil {
		return nil
	}
	for _, v := range d.OpenID {
		s, _ := v.(string)
		if id := pushd.OpenID(strings.TrimSpace(s)); id.Plausible() {
			ids = append(ids, id)
		}
	}
	return ids
}
