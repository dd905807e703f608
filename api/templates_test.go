package api

import (
	"testing"

	"pushd"
)

func TestTemplates_Bad(t *testing.T) {
	const at = "/v1/accounts/wx01/templates/t1"
	for _, c := range []struct {
		name, method, path, body string
		status                   int
		code                     pushd.ProblemCode
		field                    string
	}{
		{"account that can't be", "GET", "/v1/accounts/wx%2001/templates", "", 404, codeNotFound, ""},
		{"template that can't be", "GET", "/v1/accounts/wx01/templates/a%20b", "", 404, codeNotFound, ""},
		{"no fields", "PUT", at, `{}`, 422, pushd.CodeInvalid, "fields"},
		{"fields of the wrong kind", "PUT", at, `{"fields":"x"}`, 422, pushd.CodeInvalid, "fields"},
		{"a text of the wrong kind", "PUT", at, `{"fields":{"thing1":{"value":"x"}}}`, 422, pushd.CodeInvalid, "fields.thing1"},
		{"a key that can't be", "PUT", at, `{"fields":{"thing 1":"x"}}`, 422, pushd.CodeInvalid, "fields"},
		{"a link that is none", "PUT", at, `{"fields":{"thing1":"x"},"url":"javascript:alert(1)"}`, 422, pushd.CodeInvalid, "url"},
		{"an unknown member", "PUT", at, `{"fields":{"thing1":"x"},"color":"red"}`, 422, pushd.CodeInvalid, "color"},
		{"a mini program without an appid", "PUT", at, `{"fields":{"thing1":"x"},"miniprogram":{"pagepath":"p"}}`, 422, pushd.CodeInvalid, "miniprogram.appid"},
		{"preview of no channel", "POST", at + "/preview", `{}`, 422, pushd.CodeInvalid, "actid"},
		{"test of no channel", "POST", at + "/test", `{"openid":"oA"}`, 422, pushd.CodeInvalid, "actid"},
		{"test to nobody", "POST", at + "/test", `{"actid":1}`, 422, pushd.CodeInvalid, "openid"},
		{"test to nobody's openid", "POST", at + "/test", `{"actid":1,"openid":"a b"}`, 422, pushd.CodeInvalid, "openid"},
	} {
		t.Run(c.name, func(t *testing.T) {
			w := newWorld()
			contentType := ""
			if c.body != "" {
				contentType = asJSON
			}
			wantProblem(t, w.serve(request(c.method, c.path, contentType, c.body)), c.status, c.code, c.field)
			if w.composer.saved.TemplateID != "" {
				t.Error("something was saved")
			}
		})
	}
}

func TestTemplates_TakeADraft(t *testing.T) {
	for what, openid := range map[string]string{"preview": "", "test": `,"openid":"oA"`} {
		w := newWorld()
		at := "/v1/accounts/wx01/templates/t1/" + what
		w.postJSON(at, `{"actid":42`+openid+`}`)
		if w.composer.draft != nil {
			t.Errorf("%s: a draft from nowhere: %+v", what, w.composer.draft)
		}
		w.postJSON(at, `{"actid":42,"fields":{"thing1":"x"}`+openid+`}`)
		if d := w.composer.draft; d == nil || d.Fields["thing1"] != "x" || d.TemplateID != "t1" {
			t.Errorf("%s: draft %+v", what, d)
		}
	}
}
