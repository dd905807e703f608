package api

import (
	"reflect"
	"strings"
	"testing"

	"pushd"
)

// A correction changes what it names: null takes back, what is empty or not
// there stays.
func TestServer_PatchOfTheMessage(t *testing.T) {
	w := newWorld()
	var got pushd.Patch
	w.control.PatchFunc = func(_ pushd.JobID, p pushd.Patch) (pushd.Job, error) {
		got = p
		return job(pushd.Paused), nil
	}
	b := "b"
	for body, want := range map[string]pushd.Edit{
		`{"data":{"thing1":"b"}}`:                             {Data: pushd.Change[map[string]*string]{Set: true, To: map[string]*string{"thing1": &b}}},
		`{"data":{"thing1":{"value":"b"},"time2":null}}`:      {Data: pushd.Change[map[string]*string]{Set: true, To: map[string]*string{"thing1": &b, "time2": nil}}},
		`{"data":null}`:                                       {Data: pushd.Change[map[string]*string]{Set: true}},
		`{"rate":1,"data":{}}`:                                {},
		`{"rate":1,"data":[],"url":"","miniprogram":[]}`:      {},
		`{"url":null,"miniprogram":null,"templateId":null}`:   {URL: pushd.Change[string]{Set: true}, MiniProgram: pushd.Change[*pushd.MiniProgram]{Set: true}, TemplateID: pushd.Change[pushd.TemplateID]{Set: true}},
		`{"url":"https://x.example/a","templateId":"tpl-2"}`:  {URL: pushd.Change[string]{Set: true, To: "https://x.example/a"}, TemplateID: pushd.Change[pushd.TemplateID]{Set: true, To: "tpl-2"}},
		`{"miniprogram":{"appid":"wx1","pagepath":"p?id=1"}}`: {MiniProgram: pushd.Change[*pushd.MiniProgram]{Set: true, To: &pushd.MiniProgram{AppID: "wx1", PagePath: "p?id=1"}}},
	} {
		got = pushd.Patch{}
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
	w.jobs.JobFunc = func(pushd.JobID) (pushd.Job, error) {
		j := job(pushd.Running)
		j.MessageVersion = 2
		return j, nil
	}
	w.jobs.messages = []pushd.MessageVersion{{Version: 1, At: noon}, {Version: 2, At: noon, Message: pushd.Message{Data: map[string]string{"thing1": "b"}}}}
	w.jobs.RecipientFunc = func(to pushd.OpenID) (pushd.Recipient, error) {
		return pushd.Recipient{Person: map[pushd.OpenID]pushd.Person{
			"o1": {State: pushd.PersonSent, Code: 2}, "o2": {State: pushd.PersonSent}, "o3": {State: pushd.PersonFailed, Code: 43101},
		}[to]}, nil
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
