package wechat

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"

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
		ErrCode number          `json:"errcode"`
		ErrMsg  string          `json:"errmsg"`
		Total   *number         `json:"total"`
		Count   *number         `json:"count"`
		Data    json.RawMessage `json:"data"`
		Next    fanout.OpenID   `json:"next_openid"`
	}
	if err := json.Unmarshal(trimBOM(body), &r); err != nil {
		return fanout.FollowerPage{}, unreadable(notJSON(body))
	}
	if r.ErrCode != 0 {
		return fanout.FollowerPage{}, Classify(CallPage, int(r.ErrCode), scrub(r.ErrMsg, tok), false)
	}
	if r.Total == nil && r.Count == nil {
		return fanout.FollowerPage{}, unreadable("the answer is not a list of followers")
	}
	ids, err := parseOpenIDs(r.Data)
	if err != nil {
		return fanout.FollowerPage{}, unreadable(err.Error())
	}
	if r.Next != "" && !plausible(r.Next) {
		return fanout.FollowerPage{}, unreadable(errOpenID.Error())
	}
	p := fanout.FollowerPage{OpenIDs: ids, Next: r.Next}
	if r.Total != nil {
		p.Total = int64(*r.Total)
	}
	return p, fanout.Answer{}
}

var (
	errOpenID  = errors.New("the list holds something that is not an openid")
	errTooMany = errors.New("the list holds more than 10,000 openids")
)

// parseOpenIDs reads "data", which may be absent, null, or PHP's empty array.
func parseOpenIDs(data json.RawMessage) ([]fanout.OpenID, error) {
	if len(data) == 0 || data[0] == '[' && len(bytes.Trim(data, "[] \t\r\n")) == 0 {
		return nil, nil
	}
	var d struct {
		OpenID []fanout.OpenID `json:"openid"`
	}
	if err := json.Unmarshal(data, &d); err != nil {
		return nil, errOpenID
	}
	kept := d.OpenID[:0]
	for _, id := range d.OpenID {
		if id == "" {
			continue
		}
		if !plausible(id) {
			return nil, errOpenID
		}
		kept = append(kept, id)
	}
	if len(kept) > fanout.PageSize {
		return nil, errTooMany
	}
	return kept, nil
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
