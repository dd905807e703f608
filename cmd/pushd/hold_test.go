package main

import (
	"bytes"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
)

// hold runs a command about holds against the API.
func hold(t *testing.T, api *fakeAPI, args ...string) (code int, said string) {
	t.Helper()
	server := httptest.NewServer(api)
	defer server.Close()
	env := []string{"PUSHD_SERVER=" + server.URL, "PUSHD_API_KEY=" + goodKey}
	var out bytes.Buffer
	code = run(t.Context(), heard{}, append([]string{"hold"}, args...), env, strings.NewReader(""), &out, &out)
	return code, out.String()
}

func TestHold_Commands(t *testing.T) {
	const held = `{"held":true,"appid":null,"reason":"wrong text","errcode":null,"by":"ops","since":"2026-03-01T12:00:03.12Z","stopped":3,"stopping":0,
		"waiting":5,"lastSentAt":"2026-03-01T12:00:03.304Z","ledgerWentBack":2,"accounts":[{"appid":"wx2","reason":"48004","by":"a","since":null,"stopped":1}]}`
	for _, c := range []struct {
		args  []string
		reply answer
		asked string
		out   []string
	}{
		{nil, answer{200, held}, "PUT /v1/hold {}", []string{"is held", "by ops", "wrong text", "3 jobs", ":03.304", "account wx2", "2 jobs held because the ledger went back"}},
		{[]string{"--reason=wrong text"}, answer{200, held}, `PUT /v1/hold {"reason":"wrong text"}`, nil},
		{[]string{"--account", "wx1"}, answer{200, `{"held":true,"existing":true,"appid":"wx1"}`}, "PUT /v1/accounts/wx1/hold {}", []string{"account wx1", "is held; it was before"}},
		{[]string{"show", "--account=wx1"}, answer{200, `{"held":false,"appid":"wx1","everything":true}`}, "GET /v1/accounts/wx1/hold", []string{"but everything is"}},
		{[]string{"lift"}, answer{200, `{"held":false}`}, "DELETE /v1/hold", []string{"everything    is not held"}},
		{[]string{"lift", "--account=wx1", "--json"}, answer{200, `{"held":false}`}, "DELETE /v1/accounts/wx1/hold", []string{"\"held\": false"}},
	} {
		api := &fakeAPI{answers: []answer{c.reply}}
		code, said := hold(t, api, c.args...)
		if code != exitOK || !slices.Equal(api.asked, []string{c.asked}) {
			t.Errorf("%q: code %d, asked %q, want %q; said %s", c.args, code, api.asked, c.asked, said)
		}
		if strings.Contains(c.reply.body, `"held":false`) && !strings.Contains(c.reply.body, "everything") && strings.Contains(said, "stopping ") {
			t.Errorf("%q names jobs that stop, and none is held: %s", c.args, said)
		}
		for _, want := range c.out {
			if !strings.Contains(said, want) {
				t.Errorf("%q does not say %q: %s", c.args, want, said)
			}
		}
	}
	if code, said := hold(t, &fakeAPI{answers: []answer{{503, `{"code":"unavailable","detail":"no database"}`}}}); code != exitUnreachable || !strings.Contains(said, "no database") {
		t.Errorf("without a database: code %d, said %s", code, said)
	}
}
