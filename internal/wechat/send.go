package wechat

import (
	"bytes"
	"context"
	"encoding/json"
	"net/http"
	"strings"

	"pushd"
	"pushd/internal/httpconn"
)

const pathSend = "/cgi-bin/message/template/send"

// maxSendAnswer bounds the answer of a send; WeChat's have some 200 bytes.
const maxSendAnswer = 4 << 10

type answerBuffer [maxSendAnswer]byte

// Send posts the letter to one follower; see pushd.Sender.
//
// An answer is ambiguous as soon as the first byte may have been written;
// before that WeChat can't have got a message, and the answer is CodeNotSent.
// Nothing is ever sent twice from here.
func (c *Client) Send(ctx context.Context, tok pushd.Token, letter *pushd.Letter, to pushd.OpenID) pushd.Answer {
	buf := c.buffers.Get().(*answerBuffer)
	defer c.buffers.Put(buf)
	r, err := c.sends.Post(ctx, httpconn.Request{
		Param: string(tok), Head: letter.Head, Middle: quoted(to), Tail: letter.Tail,
	}, buf[:])
	a := judge(r, err, tok)
	a.Waited = r.Waited
	return a
}

// judge says what became of a send.
func judge(r httpconn.Response, err error, tok pushd.Token) pushd.Answer {
	switch {
	case err != nil && !r.Written:
		return pushd.Answer{Verdict: pushd.Busy, Code: pushd.CodeNotSent, Text: reason(err)}
	case err != nil:
		return pushd.Answer{Verdict: pushd.Busy, Code: lostCode(err), Ambiguous: true, Text: reason(err)}
	case r.Status != http.StatusOK:
		return pushd.Answer{Verdict: pushd.Busy, Code: pushd.CodeHTTP, Ambiguous: true, Text: statusText(r.Status)}
	}
	code, msg, ok := parseResult(r.Body)
	if !ok {
		return pushd.Answer{Verdict: pushd.Busy, Code: pushd.CodeNotJSON, Ambiguous: true, Text: notJSON(r.Body)}
	}
	return Classify(CallSend, code, scrub(msg, tok))
}

// quoted returns the openid as it stands between the quotes of a JSON string.
// Real openids are letters, digits, - and _, and stay as they are.
func quoted(to pushd.OpenID) string {
	for i := range len(to) {
		if c := to[i]; c < 0x20 || c == '"' || c == '\\' || c >= 0x7f {
			return escaped(to)
		}
	}
	return string(to)
}

func escaped(to pushd.OpenID) string {
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(string(to)); err != nil {
		return "" // a string always encodes
	}
	out := strings.TrimSuffix(b.String(), "\n")
	return out[1 : len(out)-1]
}

// parseResult reads errcode and errmsg; ok is false if body is not an answer
// of WeChat's.
func parseResult(body []byte) (code int, msg string, ok bool) {
	if accepted(body) {
		return 0, "ok", true
	}
	var r struct {
		ErrCode *number `json:"errcode"`
		ErrMsg  words   `json:"errmsg"`
	}
	if err := decode(body, &r); err != nil || r.ErrCode == nil {
		return 0, "", false
	}
	return int(*r.ErrCode), string(r.ErrMsg), true
}

// accepted recognises the usual good answer without decoding it:
// {"errcode":0,"errmsg":"ok","msgid":3487542469355618313}
func accepted(body []byte) bool {
	rest, ok := bytes.CutPrefix(body, []byte(`{"errcode":0,"errmsg":"ok"`))
	if !ok {
		return false
	}
	if id, ok := bytes.CutPrefix(rest, []byte(`,"msgid":`)); ok {
		rest = bytes.TrimLeft(id, "0123456789")
		if len(rest) == len(id) {
			return false
		}
	}
	return string(rest) == "}"
}
