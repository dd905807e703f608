// Package metrics shows Prometheus what the engine, the ledger, the token endpoint and
// WeChat's receipts count. What the API counts of its own requests is in package api.
package metrics

import (
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"pushd"
)

// TokenStats counts the calls of PHP's token endpoint since the process
// started.
type TokenStats struct {
	Asks     uint64 // calls of the endpoint
	Failures uint64 // of those, without a token
	Refusals uint64 // tokens that WeChat refused

	Failing int // accounts for which it gives no usable token now
	// Life is the shortest rest of life among the tokens in use; nothing is in
	// use where InUse is false.
	Life  time.Duration
	InUse bool
}

// Sources are what is shown. Health and Stats must be set; of what is nil nothing is
// shown. They are asked at every scrape, and answer at once: a scrape asks the
// database nothing.
type Sources struct {
	Health func() pushd.Health
	Stats  func() pushd.Stats
	// Tokens counts the calls of PHP's token endpoint.
	Tokens func() TokenStats
	// Overview is what the ledger says of the whole, over all processes, as it was
	// last read; false before that.
	Overview func() (pushd.Overview, bool)
	// Overdue is how many reminders were due and not posted, as last counted;
	// false if it is unknown.
	Overdue func() (pushd.Overdue, bool)
	// CertificateEnd is when the API's certificate ends; zero where it has none.
	CertificateEnd func() time.Time
	// Webhook counts the messages that the webhook has taken, and the calls of it
	// that have failed; ok is false where there is none.
	Webhook func() (sent, failed uint64, ok bool)
	// ReceiptStats counts what WeChat says of accepted messages.
	ReceiptStats func() pushd.ReceiptStats
	// OnlyOpenIDs is how many followers may be sent to at all (staging); 0 is
	// everyone.
	OnlyOpenIDs int
}

// Collector turns the sources into metrics at every scrape. Labels come from closed
// lists: no account, job or recipient is ever among them.
type Collector struct{ s Sources }

// New makes a collector.
func New(s Sources) Collector { return Collector{s} }

func desc(name, help string, labels ...string) *prometheus.Desc {
	return prometheus.NewDesc("pushd_"+name, help, labels, nil)
}

var (
	answersDesc     = desc("answers_total", "WeChat's answers to sends, by verdict.", "verdict")
	retriesDesc     = desc("retries_total", "Sends beyond a person's first.")
	unaskedDesc     = desc("skipped_unasked_total", "Recipients who were skipped without being asked: they have refused the template lately, or are not on the staging list.", "why")
	pagesDesc       = desc("pages_total", "Pages of followers walked.")
	peopleDesc      = desc("people_total", "Followers walked.")
	sendDesc        = desc("send_seconds", "Time until WeChat answered a send.")
	writesDesc      = desc("ledger_writes_total", "Progress statements.")
	errorsDesc      = desc("ledger_errors_total", "Calls of the database that failed and were repeated.")
	ledgerDesc      = desc("ledger_write_seconds", "Time of a progress statement.")
	inFlightDesc    = desc("sends_in_flight", "Sends without an answer yet.")
	concurrencyDesc = desc("concurrency", "The sum of the accounts' current limits of sends in flight.")
	jobsDesc        = desc("jobs", "Jobs held by this process, by state.", "state")
	endedDesc       = desc("jobs_ended_total", "Jobs ended by this process, by state.", "state")
	lostDesc        = desc("leases_lost_total", "Leases that another process took.")
	mendedDesc      = desc("status_mended_total", "Times that live_notify_status was corrected.")
	unwrittenDesc   = desc("status_errors_total", "Times that live_notify_status could not be written.")
	asksDesc        = desc("token_asks_total", "Calls of the token endpoint.")
	failuresDesc    = desc("token_failures_total", "Calls of the token endpoint that brought no token.")
	refusalsDesc    = desc("token_refusals_total", "Tokens that WeChat refused.")
	atRiskDesc      = desc("jobs_at_risk", "Jobs running in this process that will be done after their deadline if they go on at this rate.")
	lastWriteDesc   = desc("ledger_last_write_timestamp_seconds", "When the database last took a write of this process, unix time by this machine's clock.")
	bytesDesc       = desc("ledger_bytes", "What pushd's tables take in the database, as it estimates them.")
	tokenLifeDesc   = desc("token_life_seconds", "The shortest rest of life among the access tokens in use; not there while none is in use.")
	failingDesc     = desc("token_failing_accounts", "Accounts for which the token endpoint gives no usable token.")
	webhookDesc     = desc("webhook_messages_total", "Messages with alarms: sent ones, and calls of the webhook that failed; not there without one.", "outcome")
	certificateDesc = desc("tls_certificate_end_timestamp_seconds", "When the API's certificate ends, unix time; not there without one.")
	receiptsDesc    = desc("receipts_total", "Recipients by what WeChat says of their accepted message, as this process has written it.", "status")
	unwantedDesc    = desc("receipts_uncounted_total", "Receipts that counted for no recipient: repeated (it was known), unmatched (of no recipient of a job), refused (too many waited), lost (a stop came before they were written).", "why")
	waitingDesc     = desc("receipts_waiting", "Receipts that are not written yet.")
	onlyDesc        = desc("only_openids", "To how many followers messages may be sent at all (PUSHD_ONLY_OPENIDS); 0 = everyone.")

	// Over all processes, as the ledger has it.
	ledgerJobsDesc = desc("ledger_jobs", "Jobs that have not ended, over all processes; held = paused until a person has decided, first_reached = until a person has seen what came of the first recipients.", "state")
	waitDesc       = desc("ledger_wait_seconds", "How long no message of the job has flown that has waited longest; 0 where none waits.", "state")
	triedDesc      = desc("first_reached_deadline_timestamp_seconds", "The earliest deadline of the jobs that wait for a person to see what came of their first recipients, unix time; not there where none waits.")
	holdsDesc      = desc("holds", "Holds in force, of everything or of an account; a person lifts them.")
	lateDesc       = desc("ledger_jobs_late", "Waiting jobs whose deadline comes before the end of the wait, or in less than 10 minutes.")
	shortDesc      = desc("ledger_jobs_short", "Jobs with more recipients than their account's quota has left.")
	shortfallDesc  = desc("ledger_shortfall_recipients", "By how many recipients the quotas are short.")
	lastEndedDesc  = desc("ledger_jobs_ended", "Jobs that ended within the last 15 minutes.", "state")
	lastPostDesc   = desc("last_post_timestamp_seconds", "When the newest job was accepted, unix time; not there where there is none.")
	hostSeenDesc   = desc("host_last_seen_timestamp_seconds", "When the host's last heartbeat came, unix time; not there before the first.")
	overdueDesc    = desc("reminders_overdue", "Reminders that have been due for more than 5 minutes and were not posted, by PUSHD_DUE_QUERY, without those that a brake refuses.")
	brakedDesc     = desc("reminders_braked", "Reminders that have been due for more than 5 minutes and that a brake refuses: too soon, too many today, quiet hours; by PUSHD_DUE_LIST.")

	healthDesc = desc("health", "How a part does: 0 ok, 1 degraded, 2 down; part all is the whole.", "part")
)

// Describe implements prometheus.Collector.
func (c Collector) Describe(ch chan<- *prometheus.Desc) {
	for _, d := range []*prometheus.Desc{
		answersDesc, retriesDesc, unaskedDesc, pagesDesc, peopleDesc, sendDesc, writesDesc, errorsDesc, ledgerDesc,
		inFlightDesc, concurrencyDesc, jobsDesc, endedDesc, lostDesc, mendedDesc, unwrittenDesc,
		asksDesc, failuresDesc, refusalsDesc, atRiskDesc, lastWriteDesc, bytesDesc, tokenLifeDesc, failingDesc, webhookDesc, certificateDesc, onlyDesc,
		receiptsDesc, unwantedDesc, waitingDesc,
		ledgerJobsDesc, waitDesc, triedDesc, holdsDesc, lateDesc, shortDesc, shortfallDesc, lastEndedDesc, lastPostDesc, hostSeenDesc, overdueDesc, brakedDesc, healthDesc,
	} {
		ch <- d
	}
}

// Collect implements prometheus.Collector.
func (c Collector) Collect(ch chan<- prometheus.Metric) {
	counter := func(d *prometheus.Desc, n uint64, labels ...string) {
		ch <- prometheus.MustNewConstMetric(d, prometheus.CounterValue, float64(n), labels...)
	}
	gauge := func(d *prometheus.Desc, n float64, labels ...string) {
		ch <- prometheus.MustNewConstMetric(d, prometheus.GaugeValue, n, labels...)
	}
	s := c.s.Stats()
	for _, v := range pushd.Verdicts() {
		counter(answersDesc, s.Answers[v], v.String())
	}
	for _, state := range pushd.ActiveStates {
		gauge(jobsDesc, float64(s.Jobs[state]), string(state))
	}
	for _, state := range pushd.EndedStates {
		counter(endedDesc, s.JobsEnded[state], string(state))
	}
	counter(retriesDesc, s.Retries)
	counter(unaskedDesc, s.RefusedBefore, "refused_before")
	counter(unaskedDesc, s.NotOnList, "not_on_list")
	counter(pagesDesc, s.Pages)
	counter(peopleDesc, s.People)
	counter(writesDesc, s.LedgerWrites)
	counter(errorsDesc, s.LedgerErrors)
	counter(lostDesc, s.LeasesLost)
	counter(mendedDesc, s.StatusCorrected)
	counter(unwrittenDesc, s.StatusErrors)
	gauge(inFlightDesc, float64(s.InFlight))
	gauge(concurrencyDesc, float64(s.Concurrency))
	gauge(atRiskDesc, float64(s.JobsAtRisk))
	gauge(onlyDesc, float64(c.s.OnlyOpenIDs))
	if !s.LastWrite.IsZero() {
		gauge(lastWriteDesc, float64(s.LastWrite.UnixMicro())/1e6)
	}
	if s.LedgerBytes > 0 {
		gauge(bytesDesc, float64(s.LedgerBytes))
	}
	ch <- histogram(sendDesc, s.SendSeconds)
	ch <- histogram(ledgerDesc, s.LedgerSeconds)
	c.collectEdges(counter, gauge)
	c.collectReceipts(counter, gauge)
	c.collectOverview(gauge)
	h := c.s.Health()
	gauge(healthDesc, severity(h.Status), "all")
	for _, p := range h.Parts {
		gauge(healthDesc, severity(p.Status), p.Name)
	}
}

// counters and gauges show one number each.
type (
	counters func(d *prometheus.Desc, n uint64, labels ...string)
	gauges   func(d *prometheus.Desc, n float64, labels ...string)
)

// collectEdges shows what is known of the token endpoint, the webhook and the API's
// certificate.
func (c Collector) collectEdges(counter counters, gauge gauges) {
	if c.s.Tokens != nil {
		t := c.s.Tokens()
		counter(asksDesc, t.Asks)
		counter(failuresDesc, t.Failures)
		counter(refusalsDesc, t.Refusals)
		gauge(failingDesc, float64(t.Failing))
		if t.InUse {
			gauge(tokenLifeDesc, t.Life.Seconds())
		}
	}
	if c.s.Webhook != nil {
		if sent, failed, ok := c.s.Webhook(); ok {
			counter(webhookDesc, sent, "sent")
			counter(webhookDesc, failed, "failed")
		}
	}
	if c.s.CertificateEnd != nil {
		if end := c.s.CertificateEnd(); !end.IsZero() {
			gauge(certificateDesc, float64(end.Unix()))
		}
	}
}

// collectReceipts shows what WeChat says of accepted messages.
func (c Collector) collectReceipts(counter counters, gauge gauges) {
	if c.s.ReceiptStats == nil {
		return
	}
	s := c.s.ReceiptStats()
	for _, r := range pushd.AllReceipts {
		counter(receiptsDesc, s.Saved[r], r.String())
	}
	counter(unwantedDesc, s.Repeated, "repeated")
	counter(unwantedDesc, s.Unmatched, "unmatched")
	counter(unwantedDesc, s.Renewed, "renewed")
	counter(unwantedDesc, s.Refused, "refused")
	counter(unwantedDesc, s.Lost, "lost")
	gauge(waitingDesc, float64(s.Waiting))
}

// collectOverview shows what the ledger and the platform say of the whole. What
// is not known is not there: a 0 would be an answer.
func (c Collector) collectOverview(gauge gauges) {
	if c.s.Overdue != nil {
		if n, ok := c.s.Overdue(); ok {
			gauge(overdueDesc, float64(n.Missed))
			gauge(brakedDesc, float64(n.Braked))
		}
	}
	if c.s.Overview == nil {
		return
	}
	o, ok := c.s.Overview()
	if !ok {
		return
	}
	for _, g := range []struct {
		name  string
		group pushd.Group
	}{{"queued", o.Queued}, {"parked", o.Parked}, {"paused", o.Paused}, {"held", o.Held}, {"first_reached", o.Tried}} {
		gauge(ledgerJobsDesc, float64(g.group.Jobs), g.name)
		wait := 0.0
		if g.group.Since != 0 {
			wait = max(o.Now.Sub(g.group.Since).Seconds(), 0)
		}
		gauge(waitDesc, wait, g.name)
	}
	gauge(ledgerJobsDesc, float64(o.Running.Jobs), "running")
	if o.TriedDeadline != 0 {
		gauge(triedDesc, unix(o.TriedDeadline))
	}
	gauge(holdsDesc, float64(o.Holds))
	gauge(lateDesc, float64(o.Late))
	gauge(shortDesc, float64(o.Short))
	gauge(shortfallDesc, float64(o.Shortfall))
	for _, state := range pushd.EndedStates {
		gauge(lastEndedDesc, float64(o.Ended[state]), string(state))
	}
	if o.NewestJob != 0 {
		gauge(lastPostDesc, unix(o.NewestJob))
	}
	if o.HostSeen != 0 {
		gauge(hostSeenDesc, unix(o.HostSeen))
	}
}

// unix is t in seconds, as metrics have times.
func unix(t pushd.Time) float64 { return float64(t) / 1e6 }

func severity(l pushd.Level) float64 {
	switch l {
	case pushd.OK:
		return 0
	case pushd.Degraded:
		return 1
	}
	return 2
}

func histogram(d *prometheus.Desc, h pushd.Histogram) prometheus.Metric {
	buckets := make(map[float64]uint64, len(h.Bounds))
	for i, bound := range h.Bounds {
		if i < len(h.Counts) {
			buckets[bound] = h.Counts[i]
		}
	}
	return prometheus.MustNewConstHistogram(d, h.Count, h.Sum, buckets)
}
