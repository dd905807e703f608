package wechat

import (
	"io"
	"net/http"
	"reflect"
	"testing"

	"pushd"
)

func TestClient_Quota(t *testing.T) {
	for _, tc := range []struct {
		name, body string
		want       int64
		answer     pushd.Answer
	}{
		{"OK", `{"errcode":0,"errmsg":"ok","quota":{"daily_limit":1000000,"used":227761,"remain":772239},"rate_limit":{"call_count":4200000,"refresh_second":60}}`, 772239, pushd.Answer{}},
		{"Strings", `{"errcode":"0","quota":{"remain":"5"}}`, 5, pushd.Answer{}},
		{"Negative", `{"errcode":0,"quota":{"remain":-3}}`, 0, pushd.Answer{}},
		{"Exponent", `{"errcode":0,"quota":{"remain":1e5}}`, 100000, pushd.Answer{}},
		{"NoNumber", `{"errcode":0,"quota":{"remain":"lots"}}`, 0, unreadable("the answer holds no quota")},
		{"Controls", "{\"errcode\":76021,\"errmsg\":\"not \x0bfound\n\"}", 0, pushd.Answer{Verdict: pushd.Other, Code: 76021, Text: "not found"}},
		{"ErrmsgNumber", `{"errcode":76021,"errmsg":76021}`, 0, pushd.Answer{Verdict: pushd.Other, Code: 76021, Text: "76021"}},
		{"NoSuchCall", `{"errcode":76021,"errmsg":"cgi_path not found, rid: 1-2-3"}`, 0, pushd.Answer{Verdict: pushd.Other, Code: 76021, Text: "cgi_path not found"}},
		{"Token", `{"errcode":42001,"errmsg":"access_token expired"}`, 0, pushd.Answer{Verdict: pushd.TokenRefused, Code: 42001, Text: "access_token expired"}},
		{"Nothing", `{"errcode":0,"errmsg":"ok"}`, 0, unreadable("the answer holds no quota")},
		{"Page", `<p>`, 0, unreadable("the answer is a web page")},
	} {
		t.Run(tc.name, func(t *testing.T) {
			c, _ := serve(t, Options{}, func(w http.ResponseWriter, r *http.Request) {
				body, _ := io.ReadAll(r.Body)
				if string(body) != `{"cgi_path":"/cgi-bin/message/template/send"}` || r.Method != "POST" || r.URL.Path != pathQuota {
					t.Errorf("asked %s %s %s", r.Method, r.URL.Path, body)
				}
				io.WriteString(w, tc.body)
			})
			if got, a := c.Quota(t.Context(), token, pathSend); got != tc.want || a != tc.answer {
				t.Errorf("got %d, %+v", got, a)
			}
		})
	}
}

func TestClient_Templates(t *testing.T) {
	for _, tc := range []struct {
		name, body string
		want       []pushd.Template
		answer     pushd.Answer
	}{
		{"OK", `{"template_list":[{"template_id":"iPk5","title":"领取奖金提醒","primary_industry":"IT","content":"{{result.DATA}}\n\n金额:{{amount2.DATA}}","example":"x"}]}`,
			[]pushd.Template{{ID: "iPk5", Title: "领取奖金提醒", Content: "{{result.DATA}}\n\n金额:{{amount2.DATA}}"}}, pushd.Answer{}},
		{"None", `{"template_list":[]}`, []pushd.Template{}, pushd.Answer{}},
		{"Null", `{"template_list":null}`, []pushd.Template{}, pushd.Answer{}},
		{"NoList", `{"template_list":"x"}`, nil, unreadable("the answer holds no templates")},
		{"Controls", "{\"template_list\":[{\"template_id\":\"a\",\"title\":\"t\x0b1\",\"content\":\"x:{{thing1.DATA}}\ny\x00:{{thing2.DATA}}\",\"example\":\"\x01\r\n\"}]}",
			[]pushd.Template{{ID: "a", Title: "t1", Content: "x:{{thing1.DATA}}\ny:{{thing2.DATA}}"}}, pushd.Answer{}},
		{"Backslash", `{"template_list":[{"template_id":"a","title":"C:\dir","content":"\u00e9 \uZZ"}]}`,
			[]pushd.Template{{ID: "a", Title: `C:\dir`, Content: `é \uZZ`}}, pushd.Answer{}},
		{"NotUTF8", "{\"template_list\":[{\"template_id\":\"a\",\"title\":\"\xff\",\"content\":null}]}",
			[]pushd.Template{{ID: "a", Title: "\ufffd"}}, pushd.Answer{}},
		{"OddMembers", `{"template_list":[null,5,"x",[],{},{"template_id":""},{"template_id":null},{"template_id":"a","title":7,"content":{"x":1}},{"template_id":"b"}]}`,
			[]pushd.Template{{ID: "a", Title: "7", Content: `{"x":1}`}, {ID: "b"}}, pushd.Answer{}},
		{"Error", `{"errcode":48001,"errmsg":"api unauthorized rid: 1-2-3"}`, nil, pushd.Answer{Verdict: pushd.Fatal, Code: 48001, Text: "api unauthorized"}},
		{"Nothing", `{}`, nil, unreadable("the answer holds no templates")},
		{"Cut", `{"template_list":[`, nil, unreadable("the answer is not WeChat's JSON")},
	} {
		t.Run(tc.name, func(t *testing.T) {
			c, _ := serve(t, Options{}, answers(200, tc.body))
			got, a := c.Templates(t.Context(), token)
			if !reflect.DeepEqual(got, tc.want) || a != tc.answer {
				t.Errorf("got %+v, %+v", got, a)
			}
		})
	}
}
