package api

import (
	"crypto/sha256"
	"crypto/subtle"
	"strings"

	"github.com/labstack/echo/v4"
)

// keys are the SHA-256 sums of the API keys.
type keys [][sha256.Size]byte

func hashKeys(plain []string) keys {
	k := make(keys, 0, len(plain))
	for _, key := range plain {
		if key != "" { // a request without a key must not match it
			k = append(k, sha256.Sum256([]byte(key)))
		}
	}
	return k
}

// accept says whether key is one of k. It takes the same time whichever key
// matches, how much of it matches, and how long it is.
func (k keys) accept(key string) bool {
	sum := sha256.Sum256([]byte(key))
	found := 0
	for i := range k {
		found |= subtle.ConstantTimeCompare(sum[:], k[i][:])
	}
	return found == 1
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
	if len(s.keys) == 0 {
		return s.foreign(c.Request()) == nil
	}
	return s.keys.accept(bearer(c))
}

// authorized lets only those with a key pass, except to the open routes.
func (s *Server) authorized(next echo.HandlerFunc) echo.HandlerFunc {
	return func(c echo.Context) error {
		switch c.Path() {
		case healthPath, readyPath, metricsPath:
			return next(c)
		}
		if s.trusted(c) {
			return next(c)
		}
		if len(s.keys) == 0 {
			return s.foreign(c.Request())
		}
		challenge := `Bearer realm="pushd"`
		if bearer(c) != "" {
			challenge += `, error="invalid_token"`
		}
		c.Response().Header().Set(echo.HeaderWWWAuthenticate, challenge)
		return problem(codeUnauthorized, "send the header Authorization: Bearer <one of PUSHD_API_KEY>")
	}
}
