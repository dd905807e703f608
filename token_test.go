package pushd

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"testing"
)

func TestToken_NeverPrints(t *testing.T) {
	const secret = "57_TheTokenItself-abc_DEF"
	tok := Token(secret)
	out := map[string]string{}
	for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x", "%X", "%d", "%T %v", "%10s", "%-40v", "%z"} {
		out[verb] = fmt.Sprintf(strings.Replace(verb, "%T ", "", 1), tok)
		out["struct "+verb] = fmt.Sprintf(strings.Replace(verb, "%T ", "", 1), struct{ A, B any }{tok, &tok})
		out["slice "+verb] = fmt.Sprintf(strings.Replace(verb, "%T ", "", 1), []Token{tok})
	}
	out["print"] = fmt.Sprint(tok)
	out["error"] = fmt.Errorf("ask: %w", errors.New(tok.String())).Error()
	for name, v := range map[string]any{"json": tok, "json struct": struct{ T Token }{tok}} {
		b, err := json.Marshal(v)
		if err != nil {
			t.Fatal(err)
		}
		out[name] = string(b)
	}
	var log bytes.Buffer
	for _, h := range []slog.Handler{slog.NewTextHandler(&log, nil), slog.NewJSONHandler(&log, nil)} {
		slog.New(h).With("a", tok).Info("m", "b", tok, "c", []Token{tok}, "d", struct{ T Token }{tok}, slog.Group("g", "e", tok))
	}
	out["slog"] = log.String()
	for how, text := range out {
		for _, leak := range []string{secret, fmt.Sprintf("%x", secret), fmt.Sprintf("%X", secret)} {
			if strings.Contains(text, leak) {
				t.Errorf("%s shows the token: %s", how, text)
			}
		}
	}
	if string(tok) != secret || tok.Fingerprint() == "" || Token("").Fingerprint() != "" {
		t.Error("the token itself is out of reach")
	}
	if !strings.Contains(out["%v"], tok.Fingerprint()) || len(tok.Fingerprint()) != 16 {
		t.Errorf("no fingerprint in %s", out["%v"])
	}
}
