package wechat

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net/http"

	"pushd/internal/fanout"
)

const pathSend = "/cgi-bin/message/template/send"

// maxSendAnswer bounds the answer of a send; WeChat's have some 200 bytes.
const maxSendAnswer = 4 << 10

type answerBuffer [maxSendAnswer]byte

// Send posts the letter to one follower; see fanout.Sender.
//
// An answer is ambiguous as soon as the first byte may have been written;
// before that WeChat can't have got a message, and the answer is CodeNotSent.
// Nothing is ever sent twice from here.
func (c *Client) Send(ctx context.Context, tok fanout.Token, letter *fanout.Letter, to fanout.OpenID) fanout.Answer {
	buf := c.buffers.Get().(*answerBuffer)
	defer c.buffers.Put(buf)
	r, err := c.sends.post(ctx, tok, letter, to, buf)
	a := judge(r, err, tok)
	a.Waited = r.waited
	return a
}

// judge says what became of a send.
func judge(r carried, err error, tok fanout.Token) fanout.Answer {
	switch {
	case err != nil && !r.begun:
		return fanout.Answer{Verdict: fanout.Busy, Code: fanout.CodeNotSent, Text: reason(err)}
	case err != nil:
		return fanout.Answer{Verdict: fanout.Busy, Code: lostCode(err), Ambiguous: true, Text: reason(err)}
	case r.status != http.StatusOK:
		return fanout.Answer{Verdict: fanout.Busy, Code: fanout.CodeHTTP, Ambiguous: true, Text: statusText(r.status)}
	}
	code, msg, ok := parseResult(r.body)
	if !ok {
		return fanout.Answer{Verdict: fanout.Busy, Code: fanout.CodeNotJSON, Ambiguous: true, Text: notJSON(r.body)}
	}
	return Classify(CallSend, code, scrub(msg, tok))
}

// readAnswer reads to the end, so that the connection can be used again. It
// returns nil for an answer too long to be WeChat's.
func readAnswer(r io.Reader, buf *answerBuffer) ([]byte, error) {
	for n := 0; n < len(buf); {
		k, err := r.Read(buf[n:])
		n += k
		if errors.Is(err, io.EOF) {
			return buf[:n], nil
		}
		if err != nil {
			return nil, err
		}
	}
	_, err := io.CopyN(io.Discard, r, 64<<10)
	if errors.Is(err, io.EOF) {
		err = nil
	}
	return nil, err
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
