package console

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/hkdf"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"net/http"
	"slices"
	"strings"
	"time"

	"pushd"
)

// A session is a cookie that holds the API key with which an operator logged in,
// sealed so that only a pushd with the same keys can open it. So there is
// nothing to store: a session outlives a restart and holds at every process, the
// API checks the key at each request, and a key that is taken away takes its
// sessions along.
const (
	// sessionFor is how long a session lasts at most, idleFor how long after the
	// last page, renewEvery how old its cookie becomes while pages are read.
	sessionFor = 12 * time.Hour
	idleFor    = time.Hour
	renewEvery = 5 * time.Minute
)

// The cookies. Under TLS that of the session has a name that browsers let no
// other host set.
const (
	sessionCookie     = "pushd_console"
	sessionCookieTLS  = "__Secure-pushd_console"
	languageCookie    = "pushd_language"
	sessionCookiePath = Root
)

// session is an operator who has logged in.
type session struct {
	Key   string `json:"k"`
	ID    string `json:"i"`
	Begun int64  `json:"b"` // unix seconds
	Seen  int64  `json:"s"`
}

// ring is the API's keys, and the seal that they make.
type ring struct {
	keys []pushd.Key
	seal seal
}

// SetKeys puts other keys in place of the Console's: the sessions end that were
// sealed by the ones before.
func (c *Console) SetKeys(keys []pushd.Key) {
	c.ring.Store(&ring{keys: keys, seal: newSeal(keys)})
}

// seal closes and opens sessions.
type seal struct {
	box  cipher.AEAD
	sign []byte
}

// newSeal derives a seal from all keys.
func newSeal(keys []pushd.Key) seal {
	sums := make([]string, 0, len(keys))
	for _, key := range keys {
		sum := sha256.Sum256([]byte(key.Secret))
		sums = append(sums, string(sum[:]))
	}
	slices.Sort(sums)
	derive := func(what string) []byte {
		key, err := hkdf.Key(sha256.New, []byte(strings.Join(sums, "")), nil, "pushd console "+what, 32)
		if err != nil {
			panic(err) // 32 bytes can always be derived
		}
		return key
	}
	block, err := aes.NewCipher(derive("session"))
	if err != nil {
		panic(err) // 32 bytes are a key
	}
	box, err := cipher.NewGCMWithRandomNonce(block)
	if err != nil {
		panic(err) // AES has the right block
	}
	return seal{box: box, sign: derive("form")}
}

// close makes a session a cookie's value.
func (s seal) close(v session) string {
	plain, _ := json.Marshal(v) // texts and numbers always encode
	return base64.RawURLEncoding.EncodeToString(s.box.Seal(nil, nil, plain, nil))
}

// open is the opposite of close.
func (s seal) open(value string) (v session, ok bool) {
	sealed, err := base64.RawURLEncoding.DecodeString(value)
	if err != nil {
		return v, false
	}
	plain, err := s.box.Open(nil, nil, sealed, nil)
	return v, err == nil && json.Unmarshal(plain, &v) == nil
}

// token is what a form of the session's carries, and another site can't know.
func (s seal) token(v session) string {
	mac := hmac.New(sha256.New, s.sign)
	mac.Write([]byte(v.ID))
	return base64.RawURLEncoding.EncodeToString(mac.Sum(nil))
}

// own says whether a form is of the session's.
func (s seal) own(v session, token string) bool {
	return hmac.Equal([]byte(s.token(v)), []byte(token))
}

// begin starts a session.
func (c *Console) begin(w http.ResponseWriter, r *http.Request, key string) {
	now := c.Now().Unix()
	c.setSession(w, r, session{Key: key, ID: rand.Text(), Begun: now, Seen: now})
}

// resume opens the session of a request, and prolongs it.
func (c *Console) resume(w http.ResponseWriter, r *http.Request) (session, bool) {
	cookie, err := r.Cookie(sessionName(r))
	if err != nil {
		return session{}, false
	}
	v, ok := c.ring.Load().seal.open(cookie.Value)
	now := c.Now()
	if !ok || now.Sub(time.Unix(v.Begun, 0)) >= sessionFor || now.Sub(time.Unix(v.Seen, 0)) >= idleFor {
		return session{}, false
	}
	if now.Sub(time.Unix(v.Seen, 0)) >= renewEvery {
		v.Seen = now.Unix()
		c.setSession(w, r, v)
	}
	return v, true
}

func (c *Console) setSession(w http.ResponseWriter, r *http.Request, v session) {
	c.setCookie(w, r, c.ring.Load().seal.close(v), int(sessionFor/time.Second))
}

// keyOf is the key that a session holds; the zero Key if it is none any more.
func (c *Console) keyOf(v session) pushd.Key {
	for _, k := range c.ring.Load().keys {
		if hmac.Equal([]byte(k.Secret), []byte(v.Key)) {
			return k
		}
	}
	return pushd.Key{}
}

// end ends a session in the browser.
func (c *Console) end(w http.ResponseWriter, r *http.Request) { c.setCookie(w, r, "", -1) }

func (c *Console) setCookie(w http.ResponseWriter, r *http.Request, value string, age int) {
	http.SetCookie(w, &http.Cookie{
		Name: sessionName(r), Value: value, Path: sessionCookiePath, MaxAge: age,
		HttpOnly: true, SameSite: http.SameSiteStrictMode, Secure: secure(r),
	})
}

func sessionName(r *http.Request) string {
	if secure(r) {
		return sessionCookieTLS
	}
	return sessionCookie
}

// secure says that the browser speaks TLS, to pushd or to a proxy before it. A
// proxy's word is enough: it only makes the cookie narrower.
func secure(r *http.Request) bool {
	return r.TLS != nil || strings.EqualFold(r.Header.Get("X-Forwarded-Proto"), "https")
}
