package fanout

import (
	"context"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"pushd"
)

// countedTokens counts how a token is asked to be replaced.
type countedTokens struct {
	pushd.Tokens
	refused, doubted atomic.Int64
}

func (c *countedTokens) Refused(ctx context.Context, appID pushd.AppID, actID pushd.ActID, tok pushd.Token) (pushd.Token, error) {
	c.refused.Add(1)
	return c.Tokens.Refused(ctx, appID, actID, tok)
}

func (c *countedTokens) Doubted(ctx context.Context, appID pushd.AppID, actID pushd.ActID, tok pushd.Token) (pushd.Token, error) {
	c.doubted.Add(1)
	return c.Tokens.Doubted(ctx, appID, actID, tok)
}

// Where everyone is refused because of their openids the token is the wrong
// one, and is replaced. The template may as well be what is wrong: the token
// is asked for again, and PHP may keep it. However few the recipients are.
func TestRun_CauseDecidesAboutTheToken(t *testing.T) {
	for _, n := range []int{3, 100} {
		for _, a := range []pushd.Answer{
			{Verdict: pushd.Skip, Code: 40003, Cause: pushd.CauseOpenID}, {Verdict: pushd.Skip, Code: 49003, Cause: pushd.CauseOpenID},
			{Verdict: pushd.FatalIfRepeated, Code: 40037, Cause: pushd.CauseTemplate},
		} {
			synctest.Test(t, func(t *testing.T) {
				w := newSim(1, 0, false)
				w.wechat.followers = ids(0, n)
				tokens := &countedTokens{}
				w.change = func(c *Config) {
					tokens.Tokens, c.Tokens = c.Tokens, tokens
					c.WeChat = scripted{c.WeChat, func(pushd.OpenID) *pushd.Answer { return &a }}
				}
				w.boot(0)
				w.post(1, pushd.Request{})
				time.Sleep(20 * time.Second)
				if tokens.refused.Load() > 0 != (a.Cause == pushd.CauseOpenID) || tokens.doubted.Load() > 0 != (a.Cause == pushd.CauseTemplate) {
					t.Errorf("%d recipients, %d: refused %d times, doubted %d times", n, a.Code, tokens.refused.Load(), tokens.doubted.Load())
				}
				if job := w.job(); job.Counts.Settled() != 0 || job.State == pushd.Failed {
					t.Errorf("%d recipients, %d: %s %s, %+v", n, a.Code, job.State, job.Reason, job.Counts)
				}
				w.end()
			})
		}
	}
}
