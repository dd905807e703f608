package main

import (
	"fmt"
	"strings"

	"pushd"
	"pushd/api/client"
)

// addresses says where everything is, so that one can look meanwhile.
func (s *show) addresses(o options, h *host) {
	database := "SQLite, a temporary file"
	if o.mariadb {
		database = "a private MariaDB"
	}
	fmt.Fprintf(s.out, "An account with %d followers, %.0f %% of whom have unsubscribed meanwhile.\nWeChat answers a message after %v to %v, and \"system busy\" when it has more than %d at once.\n\n",
		o.followers, unsubscribed*100, latencyLow, latencyHigh, atOnce)
	line := func(what, where, more string) {
		fmt.Fprintln(s.out, strings.TrimRight(fmt.Sprintf("  %-10s %-35s %s", what, where, more), " "))
	}
	line("API", s.URL+"/v1/jobs", "Authorization: Bearer "+s.Key)
	line("console", s.URL+"/console/", "log in with that key")
	line("health", s.URL+"/healthz", "")
	line("metrics", s.URL+"/metrics", "")
	line("simulator", s.Listener.URL, "WeChat")
	line("", s.TokenURL(), "PHP's token endpoint")
	line("database", database, "")
	if h.missing == "" {
		line("PHP host", h.url, fmt.Sprintf("owner %d, password %s; watch page /watch/%d", actID, hostPassword, actID))
	} else {
		line("PHP host", "not shown:", h.missing)
	}
	fmt.Fprintln(s.out)
}

// judge prints what both sides counted and says whether it adds up.
func (s *show) judge(job client.Job, said map[pushd.Receipt]int64) error {
	report, stats := s.account.Report(job.MsgID), s.account.Stats()
	line := func(what string, job, ledger any) { fmt.Fprintf(s.out, "%-24s%12v%24v\n", what, job, ledger) }
	fmt.Fprintln(s.out)
	line("", "the job", "WeChat's own ledger")
	line("followers", job.Walked, report.Followers)
	line("accepted once", job.Sent, report.Once)
	line("accepted more than once", "", report.More)
	line("unsubscribed, skipped", job.Skipped, report.Refusing)
	line("not accepted", job.Failed+job.Unknown, report.Missing)
	if r := job.Receipts; r != nil {
		line("receipts: arrived", r.Delivered, said[pushd.ReceiptDelivered])
		line("receipts: blocked", r.Blocked, said[pushd.ReceiptBlocked])
		line("receipts: did not arrive", r.Undelivered, undelivered(said))
		fmt.Fprintf(s.out, "\nBy their receipts %.1f %% of the accepted messages have arrived.", 100*float64(r.Delivered)/float64(max(job.Sent, 1)))
	}
	fmt.Fprintln(s.out)
	fmt.Fprintf(s.out, "%d sends were answered \"system busy\" (-1) and sent again, more slowly.\n", stats.Codes[-1])
	if s.revoked {
		fmt.Fprintf(s.out, "%d sends were answered \"token invalid\" (40001) and sent again with the new token.\n", stats.Codes[40001])
	}
	fmt.Fprintf(s.out, "First message %d ms after the POST was answered; the last one after %.1f s: %.0f a second.\n",
		report.FirstSend.Sub(s.posted).Milliseconds(), report.LastSend.Sub(s.posted).Seconds(),
		float64(report.Requests)/max(report.LastSend.Sub(report.FirstSend).Seconds(), 1e-3))
	wrong := append(s.wrong(job), unlike(job.Receipts, said)...)
	if len(wrong) > 0 {
		fmt.Fprintf(s.out, "\nIt does not add up:\n  %s\n", strings.Join(wrong, "\n  "))
		return errWrong
	}
	fmt.Fprintf(s.out, "\nIt adds up: %d = %d sent + %d skipped, no message lost, none delivered twice.\n", job.Walked, job.Sent, job.Skipped)
	return nil
}

// wrong lists what must hold and does not.
func (s *show) wrong(job client.Job) (wrong []string) {
	r := s.account.Report(job.MsgID)
	for _, c := range []struct {
		holds bool
		text  string
	}{
		{job.State == pushd.Succeeded, fmt.Sprintf("the job ended %s: %s", job.Standing(), job.Detail)},
		{s.status == pushd.StatusDone, fmt.Sprintf("live_notify_status is %d", s.status)},
		{job.Done() == job.Walked, fmt.Sprintf("%d walked, but %d accounted for", job.Walked, job.Done())},
		{job.Walked == int64(r.Followers), fmt.Sprintf("%d walked of %d followers", job.Walked, r.Followers)},
		{job.Sent == int64(r.Once), fmt.Sprintf("the job says %d were sent to, the ledger %d", job.Sent, r.Once)},
		{job.Skipped == int64(r.Refusing), fmt.Sprintf("the job says %d were skipped, the ledger %d", job.Skipped, r.Refusing)},
		{r.Missing == 0, fmt.Sprintf("%d did not get it", r.Missing)},
		{r.More == 0, fmt.Sprintf("%d got it more than once", r.More)},
		{r.Needless() == 0, fmt.Sprintf("%d sends were needless", r.Needless())},
		// Where everyone had been sent to by then, nothing asked for another.
		{s.replaced || !s.revoked || r.Requests > 0 && r.LastSend.Before(s.since), "the revoked token was not replaced"},
	} {
		if !c.holds {
			wrong = append(wrong, c.text)
		}
	}
	return wrong
}

// hints says what one can ask the API while it goes on running.
func (s *show) hints(job client.Job) {
	curl := fmt.Sprintf("curl -s -H 'Authorization: Bearer %s'", s.Key)
	fmt.Fprintf(s.out, `
It goes on running until Ctrl-C. Try
  %[1]s %[2]s/v1/jobs/%[3]s
  %[1]s '%[2]s/v1/jobs/%[3]s/failures?format=csv'
  %[1]s %[2]s/v1/jobs/%[3]s/recipients/%[4]s
  %[1]s -d actid=%[5]d -d appid=%[6]s -d restart=1 %[2]s/v1/jobs
  PUSHD_SERVER=%[2]s PUSHD_API_KEY=%[7]s go run ./cmd/pushd job list
`, curl, s.URL, job.ID, s.account.OpenID(0), actID, appID, s.Key)
}

// tour says how to see a reminder of one's own, from the owner's page to a
// follower's phone.
func (s *show) tour(h *host, p *phones) {
	fmt.Fprintf(s.out, `
A reminder of your own; cron.php runs every %[1]v:
  1. %[2]s/login  log in as owner %[3]d, password %[4]s, and make a channel that starts in 33 minutes;
     its reminder leaves 30 minutes before the start. (In 20 minutes, for all followers: it leaves at once.)
  2. %[2]s/watch/N  its watch page, N is its number: press the button, a code appears
  3. %[5]s/phone/1  a follower's phone: scan the code, and wait for the reminder
     %[5]s/phone/2  another phone, and so on
`, cronEvery, h.url, actID, hostPassword, p.url)
}
