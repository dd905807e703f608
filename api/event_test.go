package api

import (
	"strings"
	"testing"

	"pushd"
)

func TestEvents(t *testing.T) {
	w := newWorld()
	var asked pushd.EventFilter
	give := w.jobs.EventsFunc
	w.jobs.EventsFunc = func(f pushd.EventFilter) ([]pushd.Event, string, error) {
		asked = f
		if f.Cursor == "bad" {
			return nil, "", pushd.ErrCursor
		}
		return give(f)
	}
	const want = `{"items":[{"id":1,"at":"2026-03-01T12:00:00Z","jobId":"k3v9x0a1b2c3d4e5f6g7","appid":"wx01","kind":"parked","by":"a","state":null,"reason":"wechat_down",` +
		`"detail":"busy","figures":{"until":5},"times":3,"lastAt":"2026-03-01T12:00:05Z"},{"id":2,"at":"2026-03-01T12:00:00Z","jobId":null,"appid":null,"kind":"lifted",` +
		`"by":null,"state":null,"reason":null,"detail":null,"figures":{},"times":1,"lastAt":"2026-03-01T12:00:00Z"}],"nextCursor":"c2"}`
	rec := w.get("/v1/jobs/" + theJob + "/events?limit=7&cursor=c1")
	if got := strings.TrimSpace(rec.Body.String()); rec.Code != 200 || got != want {
		t.Errorf("%d\n%s\nwant\n%s", rec.Code, got, want)
	}
	if asked != (pushd.EventFilter{Job: theJob, Limit: 7, Cursor: "c1"}) {
		t.Errorf("asked for %+v", asked)
	}
	if rec := w.get("/v1/events?since=1772366400&appid=wx01"); rec.Code != 200 || asked != (pushd.EventFilter{AppID: "wx01", Since: noon, Settled: true, Limit: 50}) {
		t.Errorf("%d, asked for %+v", rec.Code, asked)
	}
	wantProblem(t, w.get("/v1/events?cursor=bad"), 422, pushd.CodeInvalid, "cursor")
	wantProblem(t, w.get("/v1/events?limit=201"), 422, pushd.CodeInvalid, "limit")
	wantProblem(t, w.get("/v1/jobs/"+theJob+"/events?since=0"), 422, pushd.CodeInvalid, "since")
	w.jobs.JobFunc = func(pushd.JobID) (pushd.Job, error) { return pushd.Job{}, pushd.ErrNotFound }
	wantProblem(t, w.get("/v1/jobs/"+theJob+"/events"), 404, pushd.CodeJobNotFound, "")
}
