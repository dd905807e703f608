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

// grant is a token that PHP gave, and the rest of its life; 0 is unknown.
type grant struct {
	token string
	life  time.Duration
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

// parseAnswer reads the endpoint's answer. The error holds its words.
func parseAnswer(status int, body []byte) (grant, error) {
	var r reply
	err := json.Unmarshal(bytes.TrimPrefix(body, []byte("\xef\xbb\xbf")), &r)
	switch {
	case status < 200 || status > 299:
		text := words(body)
		if said := r.text(); err == nil && said != "" {
			text = said
		}
		return grant{}, errors.New(joinText(statusText(status), text))
	case err != nil:
		return grant{}, errors.New(joinText("the answer is not JSON", words(body)))
	}
	g := r.grant()
	if g.token == "" {
		var data fields
		if json.Unmarshal(r.Data, &data) == nil {
			g = data.grant()
		}
	}
	if g.token == "" {
		return grant{}, errors.New(joinText("the answer holds no access_token", r.text()))
	}
	return g, checkToken(g.token)
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

// text is what the endpoint says about an error: its code and its words.
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
// one. What is neither, and what is not above zero, is 0: unknown.
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
