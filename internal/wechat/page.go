package wechat

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"strings"

	"github.com/go-resty/resty/v2"

	"pushd"
)

const (
	pathFollowers = "/cgi-bin/user/get"
	pathTagged    = "/cgi-bin/user/tag/get"
)

// maxPageAnswer bounds an answer of user/get; 10,000 openids are 310 KB.
const maxPageAnswer = 2 << 20

// Page fetches the followers after cursor; see pushd.Followers. Empty
// openids, and what can't be one, are left out.
func (c *Client) Page(ctx context.Context, tok pushd.Token, cursor pushd.OpenID) (pushd.FollowerPage, pushd.Answer) {
	ctx, cancel := context.WithTimeout(ctx, c.o.PageTimeout)
	defer cancel()
	req := c.request(ctx, tok, maxPageAnswer)
	if cursor != "" {
		req.SetQueryParam("next_openid", string(cursor))
	}
	resp, err := req.Get(pathFollowers)
	body, a := answered(resp, err)
	if !a.OK() {
		return pushd.FollowerPage{}, a
	}
	return parsePage(CallPage, body, tok)
}

// Tagged fetches the followers after cursor who carry a tag; see
// pushd.Followers.
// Source: https://developers.weixin.qq.com/doc/service/api/usermanage/tagmanage/api_gettagfans
func (c *Client) Tagged(ctx context.Context, tok pushd.Token, tag int64, cursor pushd.OpenID) (pushd.FollowerPage, pushd.Answer) {
	ctx, cancel := context.WithTimeout(ctx, c.o.PageTimeout)
	defer cancel()
	resp, err := c.request(ctx, tok, maxPageAnswer).
		SetHeader("Content-Type", "application/json; charset=utf-8").
		SetBody(map[string]any{"tagid": tag, "next_openid": cursor}).
		Post(pathTagged)
	body, a := answered(resp, err)
	if !a.OK() {
		return pushd.FollowerPage{}, a
	}
	return parsePage(CallTagged, body, tok)
}

// parsePage reads an answer of user/get, or of user/tag/get, which has no total.
//
// The page after the last has no data and an empty next_openid. count is
// ignored: what counts is what is listed. But an answer with neither a total
// nor a count nor an openid is none of WeChat's, and must not pass for the end
// of the list.
func parsePage(call Call, body []byte, tok pushd.Token) (pushd.FollowerPage, pushd.Answer) {
	var r struct {
		ErrCode number       `json:"errcode"`
		ErrMsg  words        `json:"errmsg"`
		Total   count        `json:"total"`
		Count   count        `json:"count"`
		Data    followerList `json:"data"`
		Next    nextOpenID   `json:"next_openid"`
	}
	switch err := decode(body, &r); {
	case errors.Is(err, errOpenID), errors.Is(err, errTooMany):
		return pushd.FollowerPage{}, unreadable(err.Error())
	case err != nil:
		return pushd.FollowerPage{}, unreadable(notJSON(body))
	}
	if r.ErrCode != 0 {
		return pushd.FollowerPage{}, Classify(call, int(r.ErrCode), scrub(string(r.ErrMsg), tok))
	}
	if !r.Total.known && !r.Count.known && len(r.Data.OpenID.ids) == 0 {
		return pushd.FollowerPage{}, unreadable("the answer is not a list of followers")
	}
	p := pushd.FollowerPage{Total: r.Total.n, Uncounted: call == CallTagged, OpenIDs: r.Data.OpenID.ids, Odd: r.Data.OpenID.odd}
	var ok bool
	if p.Next, ok = cursor(string(r.Next), p); !ok {
		return pushd.FollowerPage{}, unreadable(errOpenID.Error())
	}
	return p, pushd.Answer{}
}

// cursor is where the list goes on after p: next_openid, which is the last
// openid of the page. Where that can't be one, the last that was listed has
// its place. ok is false where there is none and the page is not empty either:
// that must not pass for the end of the list.
func cursor(next string, p pushd.FollowerPage) (_ pushd.OpenID, ok bool) {
	id := pushd.OpenID(strings.TrimSpace(next))
	switch {
	case id == "", id.Plausible():
		return id, id != "" || len(p.OpenIDs) > 0 || p.Odd == 0
	case len(p.OpenIDs) > 0:
		return p.OpenIDs[len(p.OpenIDs)-1], true
	}
	return "", p.Odd == 0
}

// nextOpenID is a cursor as it comes; what is no text can't be one.
type nextOpenID string

// UnmarshalJSON implements json.Unmarshaler.
func (n *nextOpenID) UnmarshalJSON(b []byte) error {
	*n = "\x00"
	if b[0] == '"' || b[0] == 'n' {
		*n = ""
		return json.Unmarshal(b, (*string)(n))
	}
	return nil
}

var (
	errOpenID  = errors.New("the list holds something that is not an openid")
	errTooMany = errors.New("the list holds more than 10,000 openids")
)

// followerList is "data", which may be absent, null, or PHP's empty array.
type followerList struct {
	OpenID openIDs `json:"openid"`
}

// UnmarshalJSON implements json.Unmarshaler.
func (l *followerList) UnmarshalJSON(b []byte) error {
	if b[0] == '[' && len(bytes.Trim(b, "[] \t\r\n")) == 0 {
		*l = followerList{}
		return nil
	}
	type plain followerList // without this method
	switch err := json.Unmarshal(b, (*plain)(l)); {
	case errors.Is(err, errTooMany):
		return err
	case err != nil:
		return errOpenID
	}
	return nil
}

// openIDs is an array of openids, without the empty ones and without what
// can't be one: a single odd member must not hide ten thousand others, and
// how many there were is kept. They are parts of one text: ten thousand
// strings of their own would cost three times as much.
type openIDs struct {
	ids []pushd.OpenID
	odd int
}

// UnmarshalJSON implements json.Unmarshaler.
func (l *openIDs) UnmarshalJSON(b []byte) error {
	if b[0] != '[' || bytes.IndexByte(b, '\\') >= 0 { // real openids need no escape
		return l.decode(b)
	}
	*l = openIDs{ids: make([]pushd.OpenID, 0, min(pushd.PageSize, bytes.Count(b, []byte(","))+1))}
	for text := string(b[1 : len(b)-1]); ; {
		between, rest, more := strings.Cut(text, `"`)
		if strings.Trim(strings.ReplaceAll(between, "null", ""), ", \t\r\n") != "" {
			return l.decode(b) // there is something that is no string
		}
		if !more {
			return nil
		}
		var id string
		id, text, _ = strings.Cut(rest, `"`)
		if err := l.add(id); err != nil {
			return err
		}
	}
}

// decode reads what needs a real decoder.
func (l *openIDs) decode(b []byte) error {
	var all []json.RawMessage
	if err := json.Unmarshal(b, &all); err != nil {
		return errOpenID
	}
	*l = openIDs{}
	for _, raw := range all {
		if raw[0] != '"' && raw[0] != 'n' {
			l.odd++
			continue
		}
		var id string
		if err := json.Unmarshal(raw, &id); err != nil {
			return errOpenID
		}
		if err := l.add(id); err != nil {
			return err
		}
	}
	return nil
}

func (l *openIDs) add(text string) error {
	id := pushd.OpenID(strings.TrimSpace(text))
	switch {
	case id == "":
		return nil
	case !id.Plausible():
		l.odd++
		return nil
	case len(l.ids) == pushd.PageSize:
		return errTooMany
	}
	l.ids = append(l.ids, id)
	return nil
}

// request starts a call over resty.
func (c *Client) request(ctx context.Context, tok pushd.Token, limit int) *resty.Request {
	return c.resty.R().
		SetContext(ctx).
		SetResponseBodyLimit(limit).
		SetQueryParam("access_token", string(tok))
}

// answered returns the body of a call that changes nothing at WeChat, so that
// no failure of it is ambiguous.
func answered(resp *resty.Response, err error) ([]byte, pushd.Answer) {
	switch {
	case errors.Is(err, resty.ErrResponseBodyTooLarge):
		return nil, unreadable(reason(err))
	case err != nil && notConnected(err):
		return nil, pushd.Answer{Verdict: pushd.Busy, Code: pushd.CodeNotSent, Text: reason(err)}
	case err != nil:
		return nil, pushd.Answer{Verdict: pushd.Busy, Code: lostCode(err), Text: reason(err)}
	case resp.StatusCode() != 200:
		return nil, pushd.Answer{Verdict: pushd.Busy, Code: pushd.CodeHTTP, Text: statusText(resp.StatusCode())}
	}
	return resp.Body(), pushd.Answer{}
}

func unreadable(text string) pushd.Answer {
	return pushd.Answer{Verdict: pushd.Busy, Code: pushd.CodeNotJSON, Text: text}
}
