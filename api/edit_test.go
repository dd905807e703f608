package api

import (
	"reflect"
	"strings"
	"testing"

	"pushd/internal/fanout"
)

// A correction changes what it names: null takes back, what is empty or not
// there stays.
func TestServer_PatchOfTheMessage(t *testing.T) {
	w := newWorld()
	var got fanout.Patch
	w.control.PatchFunc = func(_ fanout.JobID, p fanout.Patch) (fanout.Job, error) {
		got = p
		return job(fanout.Paused), nil
	}
	b := "b"
	for body, want := range map[string]fanout.Edit{
		`{"data":{"thing1":"b"}}`:                             {Data: fanout.Change[map[string]*string]{Set: true, To: map[string]*string{"thing1": &b}}},
		`{"data":{"thing1":{"value":"b"},"time2":null}}`:      {Data: fanout.Change[map[string]*string]{Set: true, To: map[string]*string{"thing1": &b, "time2": nil}}},
		`{"data":null}`:                                       {Data: fanout.Change[map[string]*string]{Set: true}},
		`{"rate":1,"data":{}}`:                                {},
		`{"rate":1,"data":[],"url":"","miniprogram":[]}`:      {},
		`{"url":null,"miniprogram":null,"templateId":null}`:   {URL: fanout.Change[string]{Set: true}, MiniProgram: fanout.Change[*fanout.MiniProgram]{Set: true}, TemplateID: fanout.Change[fanout.TemplateID]{Set: true}},
		`{"url":"https://x.example/a","templateId":"tpl-2"}`:  {URL: fanout.Change[string]{Set: true, To: "https://x.example/a"}, TemplateID: fanout.Change[fanout.TemplateID]{Set: true, To: "tpl-2"}},
		`{"miniprogram":{"appid":"wx1","pagepath":"p?id=1"}}`: {MiniProgram: fanout.Change[*fanout.MiniProgram]{Set: true, To: &fanout.MiniProgram{AppID: "wx1", PagePath: "p?id=1"}}},
	} {
		got = fanout.Patch{}
		rec := w.serve(request("PATCH", "/v1/jobs/"+theJob, asJSON, body))
		if rec.Code != 200 || !reflect.DeepEqual(got.Edit, want) {
			t.Errorf("%s: answered %d %s, asked for %+v", body, rec.Code, rec.Body, got.Edit)
		}
	}
	for body, field := range map[string]string{
		`{"data":{"thing1":""}}`:                "data.thing1",
		`{"data":{"thing1":"{{nobody}}"}}`:      "data.thing1",
		`{"data":{"thing 1":null}}`:             "data",
		`{"data":"text"}`:                       "data",
		`{"url":"ftp://x.example/"}`:            "url",
		`{"miniprogram":{"pagepath":"p"}}`:      "miniprogram.appid",
		`{"templateId":"a b"}`:                  "templateId",
		`{"text":"b"}`:                          "text",
		`{"data":{}}`:                           "",
		`{}`:                                    "",
		`{"data":{"thing1":"b"},"rate":"fast"}`: "rate",
	} {
		rec := w.serve(request("PATCH", "/v1/jobs/"+theJob, asJSON, body))
		if rec.Code != 422 || field != "" && !strings.Contains(rec.Body.String(), `"field":"`+field+`"`) {
			t.Errorf("%s: answered %d %s", body, rec.Code, rec.Body)
		}
	}
}

// Jobs and lists show which version of the message somebody got.
func TestServer_MessageVersions(t *testing.T) {
	w := newWorld()
	w.jobs.JobFunc = func(fanout.JobID) (fanout.Job, error) {
		j := job(fanout.Running)
		j.MessageVersion = 2
		return j, nil
	}
	w.jobs.messages = []fanout.MessageVersion{{Version: 1, At: noon}, {Version: 2, At: noon, Message: fanout.Message{Data: map[string]string{"thing1": "b"}}}}
	w.jobs.RecipientFunc = func(to fanout.OpenID) (fanout.Person, error) {
		return map[fanout.OpenID]fanout.Person{
			"o1": {State: fanout.PersonSent, Code: 2}, "o2": {State: fanout.PersonSent}, "o3": {State: fanout.PersonFailed, Code: 43101},
		}[to], nil
	}
	for path, want := range map[string]string{
		"":               `"messageVersion":2,"messages":[{"version":1,`,
		"/recipients/o1": `"error":null,"messageVersion":2`,
		"/recipients/o2": `"error":null,"messageVersion":null`,
		"/recipients/o3": `"error":"43101","messageVersion":null`,
	} {
		if rec := w.get("/v1/jobs/" + theJob + path); rec.Code != 200 || !strings.Contains(rec.Body.String(), want) {
			t.Errorf("%s: %d %s", path, rec.Code, rec.Body)
		}
	}
}
