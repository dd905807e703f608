// Package chain tests the whole: PHP's real cron script posts to the real
// pushd binary, which sends to the simulated WeChat over TLS, takes its
// tokens from the real token.php, and keeps a real MariaDB true. Only WeChat
// is not what it is in production, and its ledger is the judge.
package chain

import (
	"context"
	"net/http"
	"regexp"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"

	"pushd"
	"pushd/api/client"
	"pushd/internal/wechatsim"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// The account with the many followers, and a small one.
const (
	bigApp, bigAct     = "wxbig00000000001", 42
	smallApp, smallAct = "wxsmall000000001", 7
	bigFollowers       = 25_000
	smallFollowers     = 300
)

// mends is how soon a status that somebody wrote is right again.
const mends = 15 * time.Second

func TestChain(t *testing.T) {
	c := start(t)
	big := c.account(bigApp, bigFollowers)
	small := c.account(smallApp, smallFollowers)

	check := c.command("check", "--appid", bigApp, "--actid", "42")
	if check.code != 0 || !strings.Contains(check.text, "ok    wechat: answers") {
		t.Fatalf("pushd check ended with %d:\n%s", check.code, check.text)
	}
	burst := c.postAtOnce(smallAct, smallApp, 1000)
	oldToken, _ := big.StableToken(false)
	job := c.remindByCron(big)
	c.wantStatus(smallAct, 2)
	c.wantTold(small, burst, smallFollowers)
	c.wantTold(big, job, bigFollowers)
	if n := big.Stats().Codes[40001]; n == 0 || n > 200 {
		t.Errorf("%d sends met the revoked token", n)
	}
	if n := c.number("SELECT COUNT(*) FROM wx_access_token WHERE appid = ? AND access_token <> ?", bigApp, oldToken); n != 1 {
		t.Error("token.php did not give another token")
	}
	c.tamperAfterwards(big, small)
	c.terminate()
	newToken, _ := big.StableToken(false)
	c.wantSilence(oldToken, newToken)
}

// remindByCron has the cron script remind the big account's followers; in the
// course of it the token is revoked, and somebody puts the status back.
func (c *chain) remindByCron(big *wechatsim.Account) (job string) {
	c.t.Helper()
	c.wantStatus(bigAct, 0)
	first := c.cron(0)
	m := regexp.MustCompile(`actid=42 .* http=202 accepted job=([0-9a-z]+)\n`).FindStringSubmatch(first)
	if m == nil {
		c.t.Fatalf("cron posted no job:\n%s", first)
	}
	c.wantStatus(bigAct, 1)
	if again := c.cron(0); again != "" {
		c.t.Errorf("a second run said\n%s", again)
	}
	c.sends(big, 3000)
	big.RevokeToken()
	c.sends(big, 5000)
	again := ""
	for range 5 { // pushd may be faster than cron: then there is nothing to post
		c.setStatus(bigAct, 0)
		if again = c.cron(0); again != "" {
			break
		}
	}
	if !strings.Contains(again, "actid=42") || !strings.Contains(again, "http=200 at work already job="+m[1]) {
		c.t.Errorf("with the status put back cron said\n%s", again)
	}
	if status := c.mended(bigAct, 0); status != 1 {
		c.t.Errorf("a status put back to 0 became %d", status)
	}
	c.await(m[1])
	c.wantStatus(bigAct, 2)
	return m[1]
}

// tamperAfterwards writes the status of reminders that are done: it becomes 2
// again, and nobody is told again.
func (c *chain) tamperAfterwards(big, small *wechatsim.Account) {
	c.t.Helper()
	before := big.Stats().Sends + small.Stats().Sends
	c.setStatus(bigAct, 0)
	c.setStatus(smallAct, 1)
	if run := c.cron(0); !strings.Contains(run, "http=409 refused code=already_notified") {
		c.t.Errorf("cron said\n%s", run)
	}
	if run := c.cron(0); run != "" { // it does not ask every minute
		c.t.Errorf("cron said\n%s", run)
	}
	for act, wrong := range map[int]int{bigAct: 0, smallAct: 1} {
		if status := c.mended(act, wrong); status != 2 {
			c.t.Errorf("channel %d: a status put back to %d became %d", act, wrong, status)
		}
	}
	if after := big.Stats().Sends + small.Stats().Sends; after != before {
		c.t.Errorf("%d sends too many", after-before)
	}
}

// wantTold compares the job's sums with WeChat's ledger.
func (c *chain) wantTold(a *wechatsim.Account, job string, followers int) {
	c.t.Helper()
	j, err := c.api.Job(c.t.Context(), job)
	c.ok(err)
	r := a.Report(j.MsgID)
	if r.Followers != followers || r.Missing != 0 || r.More != 0 || r.Needless() != 0 || r.Strangers != 0 {
		c.t.Errorf("%s: ledger %+v", a.AppID(), r)
	}
	if share := float64(r.Refusing) / float64(followers); share < 0.005 || share > 0.02 {
		c.t.Errorf("%s: %d of %d have unsubscribed", a.AppID(), r.Refusing, followers)
	}
	if j.State != pushd.Succeeded || j.Walked != int64(followers) || j.Sent != int64(r.Once) || j.Skipped != int64(r.Refusing) || j.Failed+j.Unknown != 0 {
		c.t.Errorf("%s: ledger %+v\njob %+v", a.AppID(), r, j)
	}
	if ids := a.Campaigns(); len(ids) != 1 {
		c.t.Errorf("%s: sent by the jobs %q", a.AppID(), ids)
	}
}

// postAtOnce posts the same four fields n times at once: one job, one run.
func (c *chain) postAtOnce(act int, app string, n int) (job string) {
	c.t.Helper()
	token, _ := c.sim.Find(app).StableToken(false)
	order := client.Order{ActID: int64(act), AppID: app, Secret: appSecret, AccessToken: token}
	type answer struct {
		job client.Job
		err error
	}
	answers := make(chan answer)
	for range n {
		go func() {
			j, err := c.api.Post(c.t.Context(), order)
			answers <- answer{j, err}
		}()
	}
	ids, accepted := map[string]int{}, 0
	for range n {
		switch a := <-answers; {
		case client.Status(a.err) == http.StatusConflict: // the job was done before this one was read
		case a.err != nil:
			c.t.Error(a.err)
		default:
			ids[a.job.ID]++
			if !a.job.Existing {
				accepted++
			}
		}
	}
	if accepted != 1 || len(ids) != 1 {
		c.t.Fatalf("%d were accepted; jobs %v", accepted, ids)
	}
	for job = range ids {
		c.await(job)
	}
	return job
}

// sends waits until so many sends have arrived at an account.
func (c *chain) sends(a *wechatsim.Account, n int64) {
	c.t.Helper()
	ctx, cancel := context.WithTimeout(c.t.Context(), time.Minute)
	defer cancel()
	if err := a.WaitSends(ctx, n); err != nil {
		c.t.Fatalf("%d sends: %v\n%s", n, err, c.daemon.Said())
	}
}
