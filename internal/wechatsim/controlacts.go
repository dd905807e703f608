package wechatsim

import (
	"encoding/json"
	"io"
	"net/http"
	"slices"
)

// accountActs are the questions and commands about an account.
func accountActs() map[string]func(*Account, *http.Request) (any, error) {
	return map[string]func(*Account, *http.Request) (any, error){
		"GET /accounts/{appid}/stats":     ask((*Account).Stats),
		"GET /accounts/{appid}/rates":     ask((*Account).Rates),
		"GET /accounts/{appid}/campaigns": ask((*Account).Campaigns),
		"GET /accounts/{appid}/php":       func(a *Account, _ *http.Request) (any, error) { return a.sim.PHP(a.appid), nil },
		"GET /accounts/{appid}/templates": ask((*Account).Templates),
		"GET /accounts/{appid}/report": func(a *Account, r *http.Request) (any, error) {
			return a.Report(r.FormValue("id")), nil
		},
		"GET /accounts/{appid}/missing": func(a *Account, r *http.Request) (any, error) {
			return a.Missing(r.FormValue("id"), formInt(r, "limit")), nil
		},
		"GET /accounts/{appid}/twice": func(a *Account, r *http.Request) (any, error) {
			return a.Twice(r.FormValue("id"), formInt(r, "limit")), nil
		},
		"GET /accounts/{appid}/recipient": func(a *Account, r *http.Request) (any, error) {
			return found(a.Recipient(r.FormValue("id"), r.FormValue("openid")))
		},
		"GET /accounts/{appid}/message": func(a *Account, r *http.Request) (any, error) {
			if openid := r.FormValue("openid"); openid != "" {
				return found(a.MessageTo(r.FormValue("id"), openid))
			}
			return found(a.LastMessage(r.FormValue("id")))
		},
		"GET /accounts/{appid}/openid": func(a *Account, r *http.Request) (any, error) {
			return a.OpenID(formInt(r, "i")), nil
		},
		"PATCH /accounts/{appid}": func(a *Account, r *http.Request) (any, error) {
			return patched(a, r)
		},
		"POST /accounts/{appid}/wait": func(a *Account, r *http.Request) (any, error) {
			var until Until
			if err := json.NewDecoder(r.Body).Decode(&until); err != nil {
				return nil, err
			}
			err := a.sim.waitFor(r.Context(), a, until)
			return a.Stats(), err
		},
		"POST /accounts/{appid}/token": func(a *Account, _ *http.Request) (any, error) {
			value, _ := a.IssueToken()
			return value, nil
		},
		"POST /accounts/{appid}/revoke":      act((*Account).RevokeToken),
		"POST /accounts/{appid}/reset_quota": act((*Account).ResetQuota),
		"POST /accounts/{appid}/join":        ask((*Account).Join),
		"POST /accounts/{appid}/follow":      ask((*Account).Follow),
		"POST /accounts/{appid}/leave": func(a *Account, r *http.Request) (any, error) {
			return a.Leave(r.FormValue("openid")), nil
		},
		"POST /accounts/{appid}/code": func(a *Account, r *http.Request) (any, error) {
			return a.SetCode(r.FormValue("openid"), formInt(r, "code")), nil
		},
		"POST /accounts/{appid}/template_code": func(a *Account, r *http.Request) (any, error) {
			return a.SetTemplateCode(r.FormValue("id"), formInt(r, "code")), nil
		},
		"PUT /accounts/{appid}/template": func(a *Account, r *http.Request) (any, error) {
			var t Template
			if err := json.NewDecoder(r.Body).Decode(&t); err != nil {
				return nil, err
			}
			a.SetTemplate(t)
			return nil, nil
		},
		"PUT /accounts/{appid}/callback": func(a *Account, r *http.Request) (any, error) {
			var c Callback
			if err := json.NewDecoder(r.Body).Decode(&c); err != nil {
				return nil, err
			}
			a.SetCallback(&c)
			return nil, nil
		},
		"POST /accounts/{appid}/verify": func(a *Account, r *http.Request) (any, error) {
			return nil, a.VerifyCallback(r.Context())
		},
		"POST /accounts/{appid}/scan": func(a *Account, r *http.Request) (any, error) {
			return a.Scan(r.FormValue("ticket"), r.FormValue("openid"))
		},
	}
}

// ask makes a question out of a method, act a command.
func ask[T any](method func(*Account) T) func(*Account, *http.Request) (any, error) {
	return func(a *Account, _ *http.Request) (any, error) { return method(a), nil }
}

func act(method func(*Account)) func(*Account, *http.Request) (any, error) {
	return func(a *Account, _ *http.Request) (any, error) { method(a); return nil, nil }
}

// patched changes those settings of the behaviour that the body names.
func patched(a *Account, r *http.Request) (any, error) {
	text, err := io.ReadAll(r.Body)
	if err != nil {
		return nil, err
	}
	a.Tune(func(b *Behaviour) {
		next := *b
		next.MiniPrograms = slices.Clone(b.MiniPrograms)
		next.Walk.Faults = slices.Clone(b.Walk.Faults)
		if err = json.Unmarshal(text, &next); err == nil {
			*b = next
		}
	})
	return a.Behaviour(), err
}
