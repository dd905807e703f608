package wechat

import (
	"context"
	"encoding/json"
	"strings"
	"unicode"

	"pushd"
)

const (
	pathQuota     = "/cgi-bin/openapi/quota/get"
	pathTemplates = "/cgi-bin/template/get_all_private_template"
	pathTags      = "/cgi-bin/tags/get"
	pathInfo      = "/cgi-bin/user/info"
)

const (
	maxQuotaAnswer = 1 << 20
	// An account has at most 25 templates; their texts are its own.
	maxTemplatesAnswer = 8 << 20
	// An account has at most 100 tags; what is said of one follower is little.
	maxTagsAnswer, maxInfoAnswer = 1 << 20, 64 << 10
)

// Quota returns what is left today of the API at path; see pushd.Account.
// Source: https://developers.weixin.qq.com/doc/service/api/apimanage/api_getapiquota
func (c *Client) Quota(ctx context.Context, tok pushd.Token, path string) (int64, pushd.Answer) {
	ctx, cancel := context.WithTimeout(ctx, c.o.AccountTimeout)
	defer cancel()
	resp, err := c.request(ctx, tok, maxQuotaAnswer).
		SetHeader("Content-Type", "application/json; charset=utf-8").
		SetBody(map[string]string{"cgi_path": path}).
		Post(pathQuota)
	body, a := answered(resp, err)
	if !a.OK() {
		return 0, a
	}
	return parseQuota(body, tok)
}

func parseQuota(body []byte, tok pushd.Token) (int64, pushd.Answer) {
	var r struct {
		ErrCode number `json:"errcode"`
		ErrMsg  words  `json:"errmsg"`
		Quota   struct {
			Remain count `json:"remain"`
		} `json:"quota"`
	}
	if err := decode(body, &r); err != nil {
		return 0, unreadable(notJSON(body))
	}
	if r.ErrCode != 0 {
		return 0, Classify(CallQuota, int(r.ErrCode), scrub(string(r.ErrMsg), tok))
	}
	if !r.Quota.Remain.known {
		return 0, unreadable("the answer holds no quota")
	}
	return max(0, r.Quota.Remain.n), pushd.Answer{}
}

// Templates lists the account's own templates; see pushd.Account.
// Source: https://developers.weixin.qq.com/doc/service/api/notify/template/api_getalltemplates
func (c *Client) Templates(ctx context.Context, tok pushd.Token) ([]pushd.Template, pushd.Answer) {
	ctx, cancel := context.WithTimeout(ctx, c.o.AccountTimeout)
	defer cancel()
	resp, err := c.request(ctx, tok, maxTemplatesAnswer).Get(pathTemplates)
	body, a := answered(resp, err)
	if !a.OK() {
		return nil, a
	}
	return parseTemplates(body, tok)
}

func parseTemplates(body []byte, tok pushd.Token) ([]pushd.Template, pushd.Answer) {
	var r struct {
		ErrCode number          `json:"errcode"`
		ErrMsg  words           `json:"errmsg"`
		List    json.RawMessage `json:"template_list"`
	}
	if err := decode(body, &r); err != nil {
		return nil, unreadable(notJSON(body))
	}
	if r.ErrCode != 0 {
		return nil, Classify(CallTemplates, int(r.ErrCode), scrub(string(r.ErrMsg), tok))
	}
	var list []json.RawMessage
	if err := json.Unmarshal(r.List, &list); err != nil { // there is none, or it is no list
		return nil, unreadable("the answer holds no templates")
	}
	all := make([]pushd.Template, 0, len(list))
	for _, one := range list {
		if t, ok := parseTemplate(one); ok {
			all = append(all, t)
		}
	}
	return all, pushd.Answer{}
}

// parseTemplate reads one template of a list. ok is false for what is none:
// it must not hide the others.
func parseTemplate(b []byte) (t pushd.Template, ok bool) {
	var r struct {
		ID      words `json:"template_id"`
		Title   words `json:"title"`
		Content words `json:"content"`
	}
	if err := json.Unmarshal(b, &r); err != nil || r.ID == "" {
		return t, false
	}
	return pushd.Template{
		ID: pushd.TemplateID(r.ID), Title: printable(string(r.Title)), Content: printable(string(r.Content)),
	}, true
}

// Tags lists the account's tags; see pushd.Account.
// Source: https://developers.weixin.qq.com/doc/service/api/usermanage/tagmanage/api_gettags
func (c *Client) Tags(ctx context.Context, tok pushd.Token) ([]pushd.Tag, pushd.Answer) {
	ctx, cancel := context.WithTimeout(ctx, c.o.AccountTimeout)
	defer cancel()
	resp, err := c.request(ctx, tok, maxTagsAnswer).Get(pathTags)
	body, a := answered(resp, err)
	if !a.OK() {
		return nil, a
	}
	return parseTags(body, tok)
}

func parseTags(body []byte, tok pushd.Token) ([]pushd.Tag, pushd.Answer) {
	var r struct {
		ErrCode number          `json:"errcode"`
		ErrMsg  words           `json:"errmsg"`
		List    json.RawMessage `json:"tags"`
	}
	if err := decode(body, &r); err != nil {
		return nil, unreadable(notJSON(body))
	}
	if r.ErrCode != 0 {
		return nil, Classify(CallTags, int(r.ErrCode), scrub(string(r.ErrMsg), tok))
	}
	var list []struct {
		ID    count `json:"id"`
		Name  words `json:"name"`
		Count count `json:"count"`
	}
	if err := json.Unmarshal(r.List, &list); err != nil { // there is none, or it is no list
		return nil, unreadable("the answer holds no tags")
	}
	tags := make([]pushd.Tag, 0, len(list))
	for _, one := range list {
		if one.ID.known && one.ID.n > 0 && one.ID.n <= pushd.TagIDMax {
			tags = append(tags, pushd.Tag{ID: one.ID.n, Name: printable(string(one.Name)), Count: max(0, one.Count.n)})
		}
	}
	return tags, pushd.Answer{}
}

// Knows says whether an openid is one of the account's; see pushd.Followers.
// WeChat answers 40003 of one that is another account's, and tells of one who
// has left the account that they have.
// Source: https://developers.weixin.qq.com/doc/service/api/usermanage/userinfo/api_userinfo
func (c *Client) Knows(ctx context.Context, tok pushd.Token, id pushd.OpenID) (bool, pushd.Answer) {
	ctx, cancel := context.WithTimeout(ctx, c.o.AccountTimeout)
	defer cancel()
	resp, err := c.request(ctx, tok, maxInfoAnswer).SetQueryParam("openid", string(id)).Get(pathInfo)
	body, a := answered(resp, err)
	if !a.OK() {
		return false, a
	}
	var r struct {
		ErrCode number `json:"errcode"`
		ErrMsg  words  `json:"errmsg"`
		OpenID  words  `json:"openid"`
	}
	switch err := decode(body, &r); {
	case err != nil:
		return false, unreadable(notJSON(body))
	case r.ErrCode != 0:
		a = Classify(CallKnows, int(r.ErrCode), scrub(string(r.ErrMsg), tok))
	case r.OpenID == "":
		return false, unreadable("the answer is about no one")
	}
	if a.Cause == pushd.CauseOpenID {
		return false, pushd.Answer{}
	}
	return a.OK(), a
}

// printable leaves controls out of what was typed, but for line breaks.
func printable(s string) string {
	return strings.Map(func(r rune) rune {
		if unicode.IsControl(r) && r != '\n' && r != '\r' && r != '\t' {
			return -1
		}
		return r
	}, s)
}
