package tokenclient

import (
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
)

// With another key PHP is asked at once, whatever pause the refusals of the one
// before have earned; neither key is shown, and a URL that is none leaves the one
// in use.
func TestClient_SetEndpoint(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const next = "NEXT-marked-secret"
		p := &php{answer: func(n int, r *http.Request) (int, string) {
			if r.Header.Get("Authorization") == "Bearer "+next && r.Header.Get("X-Pushd-Key") == next && r.URL.Host == "other.example" {
				return gives(n, r)
			}
			return 401, `{"code":401,"msg":"not ` + key + `"}`
		}}
		c, log := client(t, p)
		defer c.Close()
		if _, err := c.Token(t.Context(), "wx1", 0); err == nil {
			t.Fatal("a token for the wrong key")
		}
		if err := c.SetEndpoint("other.example", next); err == nil {
			t.Error("no URL was taken")
		}
		if err := c.SetEndpoint("https://other.example/", next); err != nil {
			t.Fatal(err)
		}
		if tok, err := c.Token(t.Context(), "wx1", 0); err != nil || tok != "tok2" {
			t.Errorf("%q, %v", tok, err)
		}
		p.answer = always(401, `{"code":401,"msg":"not `+key+` nor `+next+`"}`)
		if _, err := c.Token(t.Context(), "wx2", 0); err == nil || strings.Contains(err.Error(), "marked") {
			t.Errorf("the error is %v", err)
		}
		if strings.Contains(log.String(), "marked") {
			t.Errorf("a secret in the log: %s", log)
		}
	})
}
