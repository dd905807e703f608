package fanout

import (
	"context"
	"testing"
	"testing/synctest"
	"time"
)

// countedTokens counts how a token is asked to be replaced.
type countedTokens struct {
	Tokens
	refused, doubted int
}

func (c *countedTokens) Refused(ctx context.Context, appID AppID, actID ActID, tok Token) (Token, error) {
	c.refused++
	return c.Tokens.Refused(ctx, appID, actID, tok)
}

func (c *countedTokens) Doubted(ctx context.Context, appID AppID, actID ActID, tok Token) (Token, error) {
	c.doubted++
	return c.Tokens.Doubted(ctx, appID, actID, tok)
}

// Where everyone is refused because of their openids the token is the wrong
// one, and is replaced. The template may as well be what is wrong: the token
// is asked for again, and PHP may keep it. However few the recipients are.
func TestRun_CauseDecidesAboutTheToken(t *testing.T) {
	for _, n := range []int{3, 100} {
		for _, a := range []Answer{
			{Verdict: Skip, Code: 40003, Cause: CauseOpenID}, {Verdict: Skip, Code: 49003, Cause: CauseOpenID},
			{Verdict: FatalIfRepeated, Code: 40037, Cause: CauseTemplate},
		} {
			synctest.Test(t, func(t *testing.T) {
				w := newSim(1, 0, false)
				w.wechat.followers = ids(0, n)
				tokens := &countedTokens{}
				w.change = func(c *Config) {
					tokens.Tokens, c.Tokens = c.Tokens, tokens
					c.WeChat = scripted{c.WeChat, func(OpenID) *Answer { return &a }}
				}
				w.boot(0)
				w.post(1, Request{})
				time.Sleep(20 * time.Second)
				if tokens.refused > 0 != (a.Cause == CauseOpenID) || tokens.doubted > 0 != (a.Cause == CauseTemplate) {
					t.Errorf("%d recipients, %d: refused %d times, doubted %d times", n, a.Code, tokens.refused, tokens.doubted)
				}
				if job := w.job(); job.Counts.Settled() != 0 || job.State == Failed {
					t.Errorf("%d recipients, %d: %s %s, %+v", n, a.Code, job.State, job.Reason, job.Counts)
				}
				w.processes[0].stop()
				w.all.Wait()
				w.late.Wait()
			})
		}
	}
}
