package main

import (
	"context"
	"fmt"
	"io"
	"log/slog"

	"pushd"
	"pushd/internal/account"
	"pushd/internal/settings"
	"pushd/internal/tokenclient"
	"pushd/internal/wechat"
)

// checkCmd looks at everything that pushd serve depends on. It changes
// nothing but a row of its own in pushd_template, which it removes.
type checkCmd struct {
	settings.Settings `embed:""`
	AppID             string `name:"appid" help:"Account to ask a token for, and to ask WeChat about."`
	ActID             int64  `name:"actid" help:"Channel to read, and to name to the token endpoint."`
}

// Run implements the command.
func (c *checkCmd) Run(a *app) error {
	if err := a.settled(c.Settings.Validate); err != nil {
		return err
	}
	r := &report{w: a.stdout}
	r.ok("settings", "usable")
	for _, w := range a.env.Warnings {
		r.warn("settings", "%s", w)
	}
	if c.StateDir == "" {
		r.warn("state", noStateDir)
	}
	c.database(a.ctx, r)
	c.outside(a.ctx, r)
	if r.failed {
		return errSilent
	}
	return nil
}

// outside checks what pushd calls: PHP and WeChat.
func (c *checkCmd) outside(ctx context.Context, r *report) {
	if c.TokenKey == "" {
		r.warn("token endpoint", "PUSHD_TOKEN_KEY is not set; does the endpoint give tokens to anybody?")
	}
	if c.AppID == "" {
		r.warn("token endpoint", "not asked, and WeChat neither; give --appid, and --actid where the endpoint wants it")
		return
	}
	tokens, err := tokenclient.New(tokenclient.Options{
		URL: string(c.TokenURL), Key: string(c.TokenKey), MaxAge: c.TokenMaxAge,
		AllowPlaintext: c.AllowPlaintext, Logger: slog.New(slog.DiscardHandler),
	})
	if err != nil {
		r.fail("token endpoint", "%v", err)
		return
	}
	defer tokens.Close()
	weixin, err := wechat.New(wechat.Options{BaseURL: string(c.WeChatURL), AllowPlaintext: c.AllowPlaintext, MaxConns: 1})
	if err != nil {
		r.fail("wechat", "%v", err)
		return
	}
	defer weixin.Close()
	checkAccount(ctx, r, tokens, weixin, c.AppID, c.ActID)
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
	case answer.Code == 40164:
		r.fail("wechat", "%d %s; add this machine's address to the account's IP whitelist", answer.Code, answer.Text)
	case answer.Verdict == pushd.TokenRefused:
		r.fail("wechat", "%d %s; the token endpoint gave a token that WeChat refuses: is it of this account, and the newest?", answer.Code, answer.Text)
	default:
		r.fail("wechat", "%d %s; can this machine reach PUSHD_WECHAT_URL?", answer.Code, answer.Text)
	}
}

// report prints one line per check: ok, warn or fail, what it is about, what
// was found and what to do.
type report struct {
	w      io.Writer
	failed bool
	about  map[string]bool // what has failed
}

// failedAbout says whether a check of that name has failed.
func (r *report) failedAbout(about string) bool { return r.about[about] }

func (r *report) ok(about, format string, args ...any) { r.line("ok", about, format, args) }

func (r *report) warn(about, format string, args ...any) { r.line("warn", about, format, args) }

func (r *report) fail(about, format string, args ...any) {
	r.failed = true
	if r.about == nil {
		r.about = map[string]bool{}
	}
	r.about[about] = true
	r.line("fail", about, format, args)
}

func (r *report) line(level, about, format string, args []any) {
	fmt.Fprintf(r.w, "%-4s  %s: %s\n", level, about, clean(fmt.Sprintf(format, args...)))
}
