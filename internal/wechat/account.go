package wechat

import (
	"context"
	"encoding/json"

	"pushd/internal/fanout"
)

const (
	pathQuota     = "/cgi-bin/openapi/quota/get"
	pathTemplates = "/cgi-bin/template/get_all_private_template"
)

// maxAccountAnswer bounds quota and template answers; an account has at most
// 25 templates.
const maxAccountAnswer = 1 << 20

// Quota returns what is left today of the API at path; see fanout.Account.
// Source: https://developers.weixin.qq.com/doc/service/api/apimanage/api_getapiquota
func (c *Client) Quota(ctx context.Context, tok fanout.Token, path string) (int64, fanout.Answer) {
	ctx, cancel := context.WithTimeout(ctx, c.o.AccountTimeout)
	defer cancel()
	resp, err := c.request(ctx, tok, maxAccountAnswer).
		SetHeader("Content-Type", "application/json; charset=utf-8").
		SetBody(map[string]string{"cgi_path": path}).
		Post(pathQuota)
	body, a := answered(resp, err)
	if !a.OK() {
		return 0, a
	}
	return parseQuota(body, tok)
}

func parseQuota(body []byte, tok fanout.Token) (int64, fanout.Answer) {
	var r struct {
		ErrCode number `json:"errcode"`
		ErrMsg  string `json:"errmsg"`
		Quota   struct {
			Remain *number `json:"remain"`
		} `json:"quota"`
	}
	if err := json.Unmarshal(trimBOM(body), &r); err != nil {
		return 0, unreadable(notJSON(body))
	}
	if r.ErrCode != 0 {
		return 0, Classify(CallQuota, int(r.ErrCode), scrub(r.ErrMsg, tok))
	}
	if r.Quota.Remain == nil {
		return 0, unreadable("the answer holds no quota")
	}
	return max(0, int64(*r.Quota.Remain)), fanout.Answer{}
}

// Templates lists the account's own templates; see fanout.Account.
// Source: https://developers.weixin.qq.com/doc/service/api/notify/template/api_getalltemplates
func (c *Client) Templates(ctx context.Context, tok fanout.Token) ([]fanout.Template, fanout.Answer) {
	ctx, cancel := context.WithTimeout(ctx, c.o.AccountTimeout)
	defer cancel()
	resp, err := c.request(ctx, tok, maxAccountAnswer).Get(pathTemplates)
	body, a := answered(resp, err)
	if !a.OK() {
		return nil, a
	}
	return parseTemplates(body, tok)
}

func parseTemplates(body []byte, tok fanout.Token) ([]fanout.Template, fanout.Answer) {
	var r struct {
		ErrCode number `json:"errcode"`
		ErrMsg  string `json:"errmsg"`
		List    *[]struct {
			ID      fanout.TemplateID `json:"template_id"`
			Title   string            `json:"title"`
			Content string            `json:"content"`
		} `json:"template_list"`
	}
	if err := json.Unmarshal(trimBOM(body), &r); err != nil {
		return nil, unreadable(notJSON(body))
	}
	if r.ErrCode != 0 {
		return nil, Classify(CallTemplates, int(r.ErrCode), scrub(r.ErrMsg, tok))
	}
	if r.List == nil {
		return nil, unreadable("the answer holds no templates")
	}
	all := make([]fanout.Template, len(*r.List))
	for i, t := range *r.List {
		all[i] = fanout.Template(t)
	}
	return all, fanout.Answer{}
}
