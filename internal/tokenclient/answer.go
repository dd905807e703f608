package tokenclient

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"time"
)

// grant is a token that PHP gave, the rest of its life (0 is unknown), and
// what PHP said of an error all the same.
type grant struct {
	token string
	life  time.Duration
	said  string
}

// answer is what came of an ask: a grant, or an error.
type answer struct {
	grant
	err   error         // why there is no token
	after time.Duration // when PHP wants to be asked again; 0 = it did not say
	lost  bool          // PHP itself did not answer
	many  bool          // PHP says that too many ask at once
}

// longestLife bounds what is believed; WeChat's tokens live two hours.
const longestLife = 24 * time.Hour

// fields are the names that a token and its life may have.
type fields struct {
	Snake     any     `json:"access_token"`
	Camel     any     `json:"accessToken"`
	SnakeLife seconds `json:"expires_in"`
	CamelLife seconds `json:"expiresIn"`
}

func (f fields) grant() grant {
	g := grant{life: time.Duration(max(f.SnakeLife, f.CamelLife))}
	for _, v := range []any{f.Snake, f.Camel} {
		if s, ok := v.(string); ok && g.token == "" {
			g.token = strings.TrimSpace(s)
		}
	}
	return g
}

// reply is the endpoint's answer. The texts are those of PHP's frameworks,
// and WeChat's own, for endpoints that pass its refusal on.
type reply struct {
	fields
	Data    json.RawMessage `json:"data"`
	Code    any             `json:"code"`
	ErrCode any             `json:"errcode"`
	Msg     any             `json:"msg"`
	Message any             `json:"message"`
	ErrMsg  any             `json:"errmsg"`
	Error   any             `json:"error"`
}

// bom is what an editor may put in front of a PHP file, and PHP then in front
// of its answer: once for each such file, invisible.
const bom = "\xef\xbb\xbf"

// trim takes away what PHP files print around an answer without being seen.
func trim(body []byte) []byte {
	for {
		short := bytes.TrimSpace(body)
		short = bytes.TrimSuffix(bytes.TrimPrefix(short, []byte(bom)), []byte(bom))
		if len(short) == len(body) {
			return body
		}
		body = short
	}
}

// unlikeJSON says what an answer is that is no object of JSON.
func unlikeJSON(body []byte) string {
	switch {
	case len(trim(body)) == 0:
		return "the answer is empty"
	case json.Valid(trim(body)):
		return "the answer is JSON, but not an object"
	case bytes.HasPrefix(body, []byte("\xff\xfe")), bytes.HasPrefix(body, []byte("\xfe\xff")):
		return "the answer is not JSON but UTF-16; it must be UTF-8"
	case bytes.Contains(body, []byte(bom)):
		return "the answer is not JSON, and holds a byte order mark (BOM): save the PHP files as UTF-8 without one"
	}
	return "the answer is not JSON"
}

// parseAnswer reads the endpoint's answer. The error holds its words.
//
// A token counts whatever else is said: 0, 1 and 200 are all known as codes of
// success, and WeChat is the judge of tokens.
func parseAnswer(status int, body []byte) answer {
	var r reply
	err := json.Unmarshal(trim(body), &r)
	switch {
	case status < 200 || status > 299:
		text := words(body)
		if said := r.text(); err == nil && said != "" {
			text = said
		}
		return answer{err: errors.New(joinText(statusText(status)+redirected(status), text)), lost: err != nil && standIn(status), many: status == http.StatusTooManyRequests}
	case err != nil:
		return answer{err: errors.New(joinText(unlikeJSON(body), words(body)))}
	}
	g := r.grant()
	if g.token == "" {
		var data fields
		if json.Unmarshal(r.Data, &data) == nil {
			g = data.grant()
		}
	}
	if g.token == "" {
		return answer{err: errors.New(joinText("the answer holds no access_token", r.text()))}
	}
	if said := r.text(); strings.HasPrefix(said, "code ") {
		g.said = said
	}
	return answer{grant: g, err: checkToken(g.token)}
}

// redirected says what a redirect is to whoever reads of it: mostly one to https, or
// to a log-in page.
func redirected(status int) string {
	if status < 300 || status > 399 {
		return ""
	}
	return ", a redirect, which is not followed: it would carry the key away; PUSHD_TOKEN_URL must be where it leads"
}

// standIn says that a web server answers so in the place of a PHP that is down
// or has more to do than it can.
func standIn(status int) bool {
	switch status {
	case http.StatusTooManyRequests, http.StatusBadGateway, http.StatusServiceUnavailable, http.StatusGatewayTimeout:
		return true
	}
	return false
}

// retryAfter reads the header of that name: seconds, or a date. 0 is what can't
// be read, or is past.
func retryAfter(text string, now time.Time) time.Duration {
	if n, err := strconv.Atoi(strings.TrimSpace(text)); err == nil {
		return time.Duration(min(max(n, 0), int(longestLife/time.Second))) * time.Second
	}
	if at, err := http.ParseTime(text); err == nil && at.After(now) {
		return at.Sub(now)
	}
	return 0
}

// checkToken refuses what can't be a token. Real ones have some 140
// characters; WeChat asks to reserve 512.
func checkToken(tok string) error {
	for i := range len(tok) {
		if tok[i] <= ' ' || tok[i] >= 0x7f {
			return errors.New("the access_token holds characters that no token has")
		}
	}
	if tok == "" || len(tok) > 2048 {
		return errors.New("the access_token is empty or too long")
	}
	return nil
}

// text is what the endpoint says about an error: its code, unless that is 0,
// and its words.
func (r reply) text() string {
	var parts []string
	for _, code := range []any{r.Code, r.ErrCode} {
		if s := scalar(code); s != "" && s != "0" {
			parts = append(parts, "code "+s)
			break
		}
	}
	for _, v := range []any{r.Msg, r.Message, r.ErrMsg, r.Error} {
		if s, ok := v.(string); ok && s != "" {
			parts = append(parts, s)
			break
		}
	}
	return strings.Join(parts, ": ")
}

func scalar(v any) string {
	switch v := v.(type) {
	case string:
		return v
	case float64:
		return strconv.FormatFloat(v, 'f', -1, 64)
	}
	return ""
}

func statusText(status int) string {
	return strings.TrimSpace(fmt.Sprintf("HTTP %d %s", status, http.StatusText(status)))
}

func joinText(what, text string) string {
	if text == "" {
		return what
	}
	return what + ": " + text
}

// seconds is a duration that comes as a number of seconds or as a string of
// one. What is neither, and what is not above zero, is 0: unknown. A token
// that is over shows by WeChat's refusal; a constant 0 of an endpoint that does
// not count must not have it asked without end.
type seconds time.Duration

// UnmarshalJSON implements json.Unmarshaler; it never fails.
func (s *seconds) UnmarshalJSON(b []byte) error {
	v, err := strconv.ParseFloat(strings.Trim(string(b), `" `), 64)
	if err != nil || !(v > 0) {
		*s = 0
		return nil
	}
	*s = seconds(min(v, longestLife.Seconds()) * float64(time.Second))
	return nil
}
