package api

import (
	"errors"
	"strings"
	"testing"

	"pushd"
	"pushd/internal/control"
)

// everythingHeld makes every look at a hold find a full one.
func everythingHeld(w *world) {
	w.control.HoldFunc = func(_ string, by pushd.Actor, appID pushd.AppID, reason string) (control.Holding, error) {
		h := pushd.Hold{AppID: appID, Reason: reason, By: by, Code: 48004, Since: noon + 123_456, Stopped: 3}
		return control.Holding{
			Hold: &h, Existed: true, All: &h, WentBack: 2,
			Standstill: pushd.Standstill{Stopping: 1, Waiting: 5, LastSent: noon + 999_999},
			Accounts:   []pushd.Hold{{AppID: "wx02", Since: noon}},
		}, nil
	}
}

func TestHold_Answer(t *testing.T) {
	w := newWorld()
	everythingHeld(w)
	for path, want := range map[string]string{
		"/v1/hold": `{"held":true,"existing":true,"appid":null,"reason":"wrong text","errcode":48004,"by":"key2","since":"2026-03-01T12:00:00.123Z",` +
			`"stopped":3,"stopping":1,"waiting":5,"lastSentAt":"2026-03-01T12:00:00.999Z",` +
			`"accounts":[{"appid":"wx02","reason":null,"errcode":null,"by":null,"since":"2026-03-01T12:00:00Z","stopped":0}],"ledgerWentBack":2}`,
		"/v1/accounts/wx01/hold": `{"held":true,"existing":true,"appid":"wx01","reason":"wrong text","errcode":48004,"by":"key2","since":"2026-03-01T12:00:00.123Z",` +
			`"stopped":3,"stopping":1,"waiting":5,"lastSentAt":"2026-03-01T12:00:00.999Z","everything":true}`,
	} {
		r := request("PUT", path, asForm, "reason=wrong+text")
		r.Header.Set("Authorization", "Bearer "+otherKey)
		if rec := w.serve(r); rec.Code != 200 || strings.TrimSpace(rec.Body.String()) != want {
			t.Errorf("%s: %d\n%s\nwant\n%s", path, rec.Code, rec.Body, want)
		}
	}
}

// The address says what is held, and a name that is missing is not everything.
func TestHold_Addresses(t *testing.T) {
	w := newWorld()
	w.options.Draining = func() bool { return true } // the operator may be in a hurry
	asked := ""
	w.control.HoldFunc = func(name string, by pushd.Actor, appID pushd.AppID, reason string) (control.Holding, error) {
		asked = name + " " + string(by) + " " + string(appID) + " " + reason
		return control.Holding{}, nil
	}
	for _, c := range []struct{ method, path, body, want string }{
		{"PUT", "/v1/hold", `{"reason":"why"}`, "hold key1  why"},
		{"PUT", "/v1/hold", "", "hold key1  "},
		{"GET", "/v1/hold", "", "look key1  "},
		{"DELETE", "/v1/hold", "", "lift key1  "},
		{"PUT", "/v1/accounts/wx01/hold", `{}`, "hold key1 wx01 "},
		{"DELETE", "/v1/accounts/wx01/hold", "", "lift key1 wx01 "},
		{"PUT", "/v1/accounts//hold", "", ""},
		{"DELETE", "/v1/accounts/%20/hold", "", ""},
	} {
		asked = ""
		contentType := ""
		if c.body != "" {
			contentType = asJSON
		}
		rec := w.serve(request(c.method, c.path, contentType, c.body))
		if asked != c.want || (rec.Code == 200) != (c.want != "") {
			t.Errorf("%s %s: asked %q, answered %d %s; want %q", c.method, c.path, asked, rec.Code, rec.Body, c.want)
		}
	}
	w.control.HoldFunc = func(string, pushd.Actor, pushd.AppID, string) (control.Holding, error) {
		return control.Holding{}, errors.New("connection lost")
	}
	wantProblem(t, w.get("/v1/hold"), 503, pushd.CodeUnavailable, "")
}
