package wechat

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"strings"

	"github.com/go-resty/resty/v2"

	"pushd/internal/fanout"
)

const pathFollowers = "/cgi-bin/user/get"

// maxPageAnswer bounds an answer of user/get; 10,000 openids are 310 KB.
const maxPageAnswer = 2 << 20

// maxOpenID is far beyond the 28 characters of a real openid.
const maxOpenID = 128

// Page fetches the followers after cursor; see fanout.Followers. Empty
// openids are left out.
func (c *Client) Page(ctx context.Context, tok fanout.Token, cursor fanout.OpenID) (fanout.FollowerPage, fanout.Answer) {
	ctx, cancel := context.WithTimeout(ctx, c.o.PageTimeout)
	defer cancel()
	req := c.request(ctx, tok, maxPageAnswer)
	if cursor != "" {
		req.SetQueryParam("next_openid", string(cursor))
	}
	resp, err := req.Get(pathFollowers)
	body, a := answered(resp, err)
	if !a.OK() {
		return fanout.FollowerPage{}, a
	}
	return parsePage(body, tok)
}

// parsePage reads an answer of user/get.
//
// The page after the last has no data and an empty next_openid. count is
// ignored: what counts is what is listed. But an answer with neither total
// nor count is none of WeChat's, and must not pass for the end of the list.
func parsePage(body []byte, tok fanout.Token) (fanout.FollowerPage, fanout.Answer) {
	var r struct {
		ErrCode number        `json:"errcode"`
		ErrMsg  string        `json:"errmsg"`
		Total   *number       `json:"total"`
		Count   *number       `json:"count"`
		Data    followerList  `json:"data"`
		Next    fanout.OpenID `json:"next_openid"`
	}
	switch err := json.Unmarshal(trimBOM(body), &r); {
	case errors.Is(err, errOpenID), errors.Is(err, errTooMany):
		return fanout.FollowerPage{}, unreadable(err.Error())
	case err != nil:
		return fanout.FollowerPage{}, unreadable(notJSON(body))
	}
	if r.ErrCode != 0 {
		return fanout.FollowerPage{}, Classify(CallPage, int(r.ErrCode), scrub(r.ErrMsg, tok))
	}
	if r.Total == nil && r.Count == nil {
		return fanout.FollowerPage{}, unreadable("the answer is not a list of followers")
	}
	if r.Next != "" && !plausible(r.Next) {
		return fanout.FollowerPage{}, unreadable(errOpenID.Error())
	}
	p := fanout.FollowerPage{OpenIDs: r.Data, Next: r.Next}
	if r.Total != nil {
		p.Total = int64(*r.Total)
	}
	return p, fanout.Answer{}
}

var (
	errOpenID  = errors.New("the list holds something that is not an openid")
	errTooMany = errors.New("the list holds more than 10,000 openids")
)

// followerList is "data", which may be absent, null, or PHP's empty array.
type followerList []fanout.OpenID

// UnmarshalJSON implements json.Unmarshaler.
func (l *followerList) UnmarshalJSON(b []byte) error {
	if b[0] == '[' && len(bytes.Trim(b, "[] \t\r\n")) == 0 {
		*l = nil
		return nil
	}
	var d struct {
		OpenID openIDs `json:"openid"`
	}
	switch err := json.Unmarshal(b, &d); {
	case errors.Is(err, errTooMany):
		return err
	case err != nil:
		return errOpenID
	}
	*l = followerList(d.OpenID)
	return nil
}

// openIDs is an array of openids, without the empty ones. They are parts of
// one text: ten thousand strings of their own would cost three times as much.
type openIDs []fanout.OpenID

// UnmarshalJSON implements json.Unmarshaler.
func (l *openIDs) UnmarshalJSON(b []byte) error {
	if b[0] != '[' || bytes.IndexByte(b, '\\') >= 0 { // real openids need no escape
		return l.decode(b)
	}
	ids := make(openIDs, 0, min(fanout.PageSize, bytes.Count(b, []byte(","))+1))
	for text := string(b[1 : len(b)-1]); ; {
		between, rest, more := strings.Cut(text, `"`)
		if strings.Trim(strings.ReplaceAll(between, "null", ""), ", \t\r\n") != "" {
			return errOpenID // there is something that is no string
		}
		if !more {
			*l = ids
			return nil
		}
		var id string
		id, text, _ = strings.Cut(rest, `"`)
		if err := ids.add(fanout.OpenID(id)); err != nil {
			return err
		}
	}
}

// decode reads what needs a real decoder.
func (l *openIDs) decode(b []byte) error {
	var all []fanout.OpenID
	if err := json.Unmarshal(b, &all); err != nil {
		return errOpenID
	}
	*l = nil
	for _, id := range all {
		if err := l.add(id); err != nil {
			return err
		}
	}
	return nil
}

func (l *openIDs) add(id fanout.OpenID) error {
	switch {
	case id == "":
		return nil
	case !plausible(id):
		return errOpenID
	case len(*l) == fanout.PageSize:
		return errTooMany
	}
	*l = append(*l, id)
	return nil
}

// plausible refuses what can't be an openid and would hurt where openids are
// stored line by line.
func plausible(id fanout.OpenID) bool {
	for i := range len(id) {
		if id[i] <= ' ' || id[i] >= 0x7f {
			return false
		}
	}
	return len(id) <= maxOpenID
}

// request starts a call over resty.
func (c *Client) request(ctx context.Context, tok fanout.Token, limit int) *resty.Request {
	return c.resty.R().
		SetContext(ctx).
		SetResponseBodyLimit(limit).
		SetQueryParam("access_token", string(tok))
}

// answered returns the body of a call that changes nothing at WeChat, so that
// no failure of it is ambiguous.
func answered(resp *resty.Response, err error) ([]byte, fanout.Answer) {
	switch {
	case errors.Is(err, resty.ErrResponseBodyTooLarge):
		return nil, unreadable(reason(err))
	case err != nil && notConnected(err):
		return nil, fanout.Answer{Verdict: fanout.Busy, Code: fanout.CodeNotSent, Text: reason(err)}
	case err != nil:
		return nil, fanout.Answer{Verdict: fanout.Busy, Code: lostCode(err), Text: reason(err)}
	case resp.StatusCode() != 200:
		return nil, fanout.Answer{Verdict: fanout.Busy, Code: fanout.CodeHTTP, Text: statusText(resp.StatusCode())}
	}
	return resp.Body(), fanout.Answer{}
}

func unreadable(text string) fanout.Answer {
	return fanout.Answer{Verdict: fanout.Busy, Code: fanout.CodeNotJSON, Text: text}
}
