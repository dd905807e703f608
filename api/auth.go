package api

import (
	"crypto/sha256"
	"crypto/subtle"
	"fmt"
	"net/http"
	"strings"

	"github.com/labstack/echo/v4"

	"pushd"
)

// hashedKey is an API key as it is kept.
type hashedKey struct {
	sum      [sha256.Size]byte
	name     pushd.Actor
	readOnly bool
}

// keys are the API keys.
type keys []hashedKey

func hashKeys(plain []pushd.Key) keys {
	k := make(keys, 0, len(plain))
	for _, key := range plain {
		if key.Secret != "" { // a request without a key must not match it
			k = append(k, hashedKey{sha256.Sum256([]byte(key.Secret)), key.Name, key.ReadOnly})
		}
	}
	return k
}

// find returns the one of k that key is, or nil. It takes the same time whichever
// key matches, how much of it matches, and how long it is.
func (k keys) find(key string) *hashedKey {
	sum := sha256.Sum256([]byte(key))
	found := 0
	for i := range k {
		found = subtle.ConstantTimeSelect(subtle.ConstantTimeCompare(sum[:], k[i].sum[:]), i+1, found)
	}
	if found == 0 {
		return nil
	}
	return &k[found-1]
}

// SetKeys puts other keys in place of the Server's. Requests that have been let in
// go on; from now on each wants one of these.
func (s *Server) SetKeys(plain []pushd.Key) {
	k := hashKeys(plain)
	s.keys.Store(&k)
}

// bearer returns the key of the Authorization header, or "".
func bearer(c echo.Context) string {
	scheme, key, _ := strings.Cut(c.Request().Header.Get(echo.HeaderAuthorization), " ")
	if !strings.EqualFold(scheme, "bearer") {
		return ""
	}
	return strings.TrimSpace(key)
}

// trusted says that the request carries a key, or that none is asked for and
// it was made for this machine.
func (s *Server) trusted(c echo.Context) bool {
	keys := *s.keys.Load()
	if len(keys) == 0 {
		return s.foreign(c.Request()) == nil
	}
	return keys.find(bearer(c)) != nil
}

// authorized lets only those with a key pass, except to the open routes, and to
// where WeChat's signature takes its place.
func (s *Server) authorized(next echo.HandlerFunc) echo.HandlerFunc {
	return func(c echo.Context) error {
		switch c.Path() {
		case healthPath, readyPath, metricsPath:
			return next(c)
		case receiptsPath:
			if bearer(c) == "" && signed(c.QueryParams()) {
				acted(c, byWeChat) // once the handler has checked it
				return next(c)
			}
		}
		keys := *s.keys.Load()
		if len(keys) == 0 {
			if err := s.foreign(c.Request()); err != nil {
				return err
			}
			acted(c, local)
			return next(c)
		}
		if key := keys.find(bearer(c)); key != nil {
			acted(c, key.name)
			if key.readOnly && !reads(c.Request().Method) {
				return problem(codeReadOnly, fmt.Sprintf("the key %s may read everything and change nothing; send one of PUSHD_API_KEY", key.name))
			}
			return next(c)
		}
		challenge, what := `Bearer realm="pushd"`, "send the header Authorization: Bearer <one of PUSHD_API_KEY>"
		if bearer(c) != "" {
			challenge += `, error="invalid_token"`
			what = "the key in the header Authorization is neither one of PUSHD_API_KEY nor of PUSHD_READ_KEY; of a list of keys send one, without its name"
		}
		c.Response().Header().Set(echo.HeaderWWWAuthenticate, challenge)
		return problem(codeUnauthorized, what)
	}
}

// local is who asks where no key is set.
const local pushd.Actor = "local"

// acted makes the request one of a's.
func acted(c echo.Context, a pushd.Actor) {
	r := c.Request()
	c.SetRequest(r.WithContext(pushd.ActedBy(r.Context(), a)))
}

// reads says whether a request of this method changes nothing.
func reads(method string) bool { return method == http.MethodGet || method == http.MethodHead }
