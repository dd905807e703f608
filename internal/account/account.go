// Package account asks WeChat for one account: with the account's token, with
// another if that one is refused, and again while WeChat is busy. What a job
// sends to its followers does not come this way: its sender decides about each
// answer itself.
package account

import (
	"context"

	"pushd"
	"pushd/internal/retry"
)

// The APIs whose quota a job needs, for Quota.
const (
	SendAPI      = "/cgi-bin/message/template/send"
	FollowersAPI = "/cgi-bin/user/get"
	TaggedAPI    = "/cgi-bin/user/tag/get"
)

// maxTries is how often WeChat is asked before its answer counts.
const maxTries = 4

// Client asks WeChat for any account.
type Client struct {
	wechat pushd.WeChat
	tokens pushd.Tokens
	jitter *retry.Jitter
}

// New makes a client. It waits between two tries as jitter draws.
func New(wechat pushd.WeChat, tokens pushd.Tokens, jitter *retry.Jitter) *Client {
	return &Client{wechat, tokens, jitter}
}

// Of is the account, asked on behalf of a channel, which PHP gets with the
// question for a token.
func (c *Client) Of(appID pushd.AppID, actID pushd.ActID) Account {
	return Account{c, appID, actID}
}

// Account is one account at WeChat.
type Account struct {
	client *Client
	appID  pushd.AppID
	actID  pushd.ActID
}

// AppID says which account it is.
func (a Account) AppID() pushd.AppID { return a.appID }

// Page fetches the followers after cursor, and says by which token. An answer
// that is not OK is the caller's to judge; the error is a *NoToken, or why ctx
// ended.
func (a Account) Page(ctx context.Context, cursor pushd.OpenID) (page pushd.FollowerPage, by pushd.Token, answer pushd.Answer, err error) {
	answer, err = a.ask(ctx, func(ctx context.Context, tok pushd.Token) (answer pushd.Answer) {
		by = tok
		page, answer = a.client.wechat.Page(ctx, tok, cursor)
		return answer
	})
	return page, by, answer, err
}

// Tagged is Page for the followers who carry a tag.
func (a Account) Tagged(ctx context.Context, tag int64, cursor pushd.OpenID) (page pushd.FollowerPage, by pushd.Token, answer pushd.Answer, err error) {
	answer, err = a.ask(ctx, func(ctx context.Context, tok pushd.Token) (answer pushd.Answer) {
		by = tok
		page, answer = a.client.wechat.Tagged(ctx, tok, tag, cursor)
		return answer
	})
	return page, by, answer, err
}

// Knows says whether an openid is one of the account's, and by which token that
// was asked. An answer that is not OK says nothing about it.
func (a Account) Knows(ctx context.Context, id pushd.OpenID) (known bool, by pushd.Token, answer pushd.Answer, err error) {
	answer, err = a.ask(ctx, func(ctx context.Context, tok pushd.Token) (answer pushd.Answer) {
		by = tok
		known, answer = a.client.wechat.Knows(ctx, tok, id)
		return answer
	})
	return known, by, answer, err
}

// Doubt asks PHP again because tok may be another account's, and says whether it
// gave another one.
func (a Account) Doubt(ctx context.Context, tok pushd.Token) bool {
	other, err := a.client.tokens.Doubted(ctx, a.appID, a.actID, tok)
	return err == nil && other != tok
}

// Tags lists the account's tags. A *Refused is WeChat's answer.
func (a Account) Tags(ctx context.Context) (list []pushd.Tag, err error) {
	answer, err := a.ask(ctx, func(ctx context.Context, tok pushd.Token) (answer pushd.Answer) {
		list, answer = a.client.wechat.Tags(ctx, tok)
		return answer
	})
	if err == nil && !answer.OK() {
		return nil, &Refused{"the account's tags can't be listed", answer}
	}
	return list, err
}

// Quota asks what is left today of an API. A *Refused is WeChat's answer.
func (a Account) Quota(ctx context.Context, api string) (remain int64, err error) {
	answer, err := a.ask(ctx, func(ctx context.Context, tok pushd.Token) (answer pushd.Answer) {
		remain, answer = a.client.wechat.Quota(ctx, tok, api)
		return answer
	})
	if err == nil && !answer.OK() {
		err = &Refused{"the quota of " + api + " can't be read", answer}
	}
	return remain, err
}

// Templates lists the account's templates. A *Refused says that WeChat can't
// list them now; where it won't, there are none, which is not wrong: most
// templates are never listed.
func (a Account) Templates(ctx context.Context) (list []pushd.Template, err error) {
	answer, err := a.ask(ctx, func(ctx context.Context, tok pushd.Token) (answer pushd.Answer) {
		list, answer = a.client.wechat.Templates(ctx, tok)
		return answer
	})
	switch {
	case err != nil:
		return nil, err
	case answer.OK():
		return list, nil
	case answer.Verdict == pushd.Busy, answer.Verdict == pushd.Slower, answer.Verdict == pushd.Quota, answer.Verdict == pushd.TokenRefused:
		return nil, &Refused{"the account's templates can't be listed", answer}
	}
	return nil, nil
}

// Send sends one letter to one follower. Where an earlier try may have been
// accepted, a duplicate is that try, or a message that is on the phone already.
func (a Account) Send(ctx context.Context, letter *pushd.Letter, to pushd.OpenID) (pushd.Answer, error) {
	doubt := false
	return a.ask(ctx, func(ctx context.Context, tok pushd.Token) pushd.Answer {
		answer := a.client.wechat.Send(ctx, tok, letter, to)
		if doubt && answer.Verdict == pushd.DeferShort {
			return pushd.Answer{}
		}
		doubt = doubt || answer.Ambiguous
		return answer
	})
}

// ask calls WeChat, and again with a fresh token if the token is refused, and
// up to maxTries times in all while WeChat is busy.
func (a Account) ask(ctx context.Context, call func(context.Context, pushd.Token) pushd.Answer) (pushd.Answer, error) {
	tok, err := a.client.tokens.Token(ctx, a.appID, a.actID)
	if err != nil {
		return pushd.Answer{}, &NoToken{err}
	}
	for tries := 1; ; tries++ {
		answer := call(ctx, tok)
		switch {
		case answer.Verdict == pushd.TokenRefused && tries < maxTries:
			if tok, err = a.client.tokens.Refused(ctx, a.appID, a.actID, tok); err != nil {
				return answer, &NoToken{err}
			}
		case answer.Verdict == pushd.Busy && tries < maxTries:
			if !retry.Sleep(ctx, a.client.jitter.Backoff(tries)) {
				return answer, context.Cause(ctx)
			}
		default:
			return answer, nil
		}
	}
}
