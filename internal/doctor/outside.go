package doctor

import (
	"context"
	"log/slog"

	"pushd"
	"pushd/internal/account"
	"pushd/internal/tokenclient"
	"pushd/internal/wechat"
)

// outside checks what pushd calls: PHP and WeChat.
func (o Options) outside(ctx context.Context, r *report) {
	if o.TokenKey == "" {
		r.warn("token endpoint", "PUSHD_TOKEN_KEY is not set; does the endpoint give tokens to anybody?")
	}
	if o.AppID == "" {
		r.warn("token endpoint", "not asked, and WeChat neither; give --appid, and --actid where the endpoint wants it")
		return
	}
	tokens, err := tokenclient.New(tokenclient.Options{
		URL: string(o.TokenURL), Key: string(o.TokenKey), MaxAge: o.TokenMaxAge,
		AllowPlaintext: o.AllowPlaintext, Logger: slog.New(slog.DiscardHandler),
	})
	if err != nil {
		r.fail("token endpoint", "%v", err)
		return
	}
	defer tokens.Close()
	weixin, err := wechat.New(wechat.Options{BaseURL: string(o.WeChatURL), AllowPlaintext: o.AllowPlaintext, MaxConns: 1})
	if err != nil {
		r.fail("wechat", "%v", err)
		return
	}
	defer weixin.Close()
	checkAccount(ctx, r, tokens, weixin, o.AppID, o.ActID)
}

// tokens is what the check needs of the token endpoint.
type tokens interface {
	Token(ctx context.Context, appID string, actID int64) (string, error)
}

// quotas is what the check needs of WeChat: a call that costs nothing.
type quotas interface {
	Quota(ctx context.Context, tok pushd.Token, path string) (int64, pushd.Answer)
}

// checkAccount asks for one token, and WeChat whether it is good.
func checkAccount(ctx context.Context, r *report, t tokens, q quotas, appID string, actID int64) {
	tok, err := t.Token(ctx, appID, actID)
	if err != nil {
		r.fail("token endpoint", "%v; pushd needs HTTP 200 and {\"access_token\":…,\"expires_in\":…}", err)
		return
	}
	r.ok("token endpoint", "gave %v", pushd.Token(tok))
	remain, answer := q.Quota(ctx, pushd.Token(tok), account.SendAPI)
	switch {
	case answer.OK() && remain == 0:
		r.warn("wechat", "answers; nothing is left of today's quota for template messages")
	case answer.OK():
		r.ok("wechat", "answers; %d template messages left today", remain)
	case answer.Cause == pushd.CauseAddress:
		r.fail("wechat", "%d %s; add this machine's address to the account's IP whitelist", answer.Code, answer.Text)
	case answer.Verdict == pushd.TokenRefused:
		r.fail("wechat", "%d %s; the token endpoint gave a token that WeChat refuses: is it of this account, and the newest?", answer.Code, answer.Text)
	default:
		r.fail("wechat", "%d %s; can this machine reach PUSHD_WECHAT_URL?", answer.Code, answer.Text)
	}
}
