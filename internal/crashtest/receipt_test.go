package crashtest

import (
	"bytes"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"time"

	"pushd"
	"pushd/api/client"
	"pushd/internal/wechatsim"
)

func receiptScenarios() []scenario {
	return []scenario{
		{name: "two pushd get receipts, one of them killed twice", run: receiptsWhileKilled},
	}
}

// callbackSecret is what the callback's tokens derive from.
const callbackSecret = "MARKED-callback-secret-0123456789abcdef"

// callbackToken is the token of an account's callback, as the host derives it.
func callbackToken(appid string) string {
	h := hmac.New(sha256.New, []byte(callbackSecret))
	fmt.Fprintf(h, "callback\n%s", appid)
	return hex.EncodeToString(h.Sum(nil))[:32]
}

// handedOn is a receipt that a process has answered.
type handedOn struct {
	openid, status string
	to             *Process
}

// mirror hands WeChat's events on to the pushd processes, as nginx does. Each goes
// to one of them, and every fourth to the others, too.
type mirror struct {
	w  *World
	mu sync.Mutex
	to []*Process
	n  int
	// answered are the receipts that were, in that order; the first certain[p] of
	// those that p has answered are in the ledger.
	answered []handedOn
	certain  map[*Process]int
}

// ServeHTTP implements http.Handler.
func (m *mirror) ServeHTTP(rw http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		http.Error(rw, err.Error(), http.StatusBadRequest)
		return
	}
	m.mu.Lock()
	m.n++
	all := slices.Clone(m.to)
	first := m.n % len(all)
	all[0], all[first] = all[first], all[0]
	if m.n%4 != 0 {
		all = all[:1]
	}
	m.mu.Unlock()
	taken := false
	for _, p := range all {
		taken = m.hand(p, r, body) || taken
	}
	if !taken {
		http.Error(rw, "no pushd takes it", http.StatusBadGateway)
	}
}

// hand hands an event to a process.
func (m *mirror) hand(p *Process, r *http.Request, body []byte) bool {
	req, err := http.NewRequestWithContext(r.Context(), http.MethodPost, p.URL+"/v1/receipts?"+r.URL.RawQuery, bytes.NewReader(body))
	if err != nil {
		return false
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return false // it was killed
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	if err != nil || resp.StatusCode != http.StatusOK {
		m.w.Errorf("a receipt was answered %s %s, %v", resp.Status, text, err)
		return false
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	m.answered = append(m.answered, handedOn{element(body, "FromUserName"), element(body, "Status"), p})
	return true
}

// element is the text of an element of WeChat's XML.
func element(body []byte, name string) string {
	_, rest, _ := strings.Cut(string(body), "<"+name+"><![CDATA[")
	text, _, _ := strings.Cut(rest, "]]>")
	return text
}

// wait waits until a process has written what it has answered so far.
func (m *mirror) wait(p *Process) {
	m.w.Helper()
	m.mu.Lock()
	n := 0
	for _, h := range m.answered {
		if h.to == p {
			n++
		}
	}
	m.mu.Unlock()
	m.w.Until("the receipts are written", time.Minute, func() bool {
		metrics, err := p.API().Raw(m.w.Context(), http.MethodGet, "/metrics", nil)
		m.w.must(err)
		return bytes.Contains(metrics, []byte("\npushd_receipts_waiting 0\n"))
	})
	m.mu.Lock()
	defer m.mu.Unlock()
	m.certain[p] = n
}

// replace puts a process in the place of one that was killed.
func (m *mirror) replace(old, fresh *Process) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.to[slices.Index(m.to, old)] = fresh
}

// receiptsWhileKilled: what a killed process had answered and not written is
// missing, and nothing else; whatever comes late, twice, contradicting, to both
// processes or of strangers counts each recipient once.
func receiptsWhileKilled(w *World) {
	w.Set("PUSHD_LEASE", lease.String())
	w.Set("PUSHD_CALLBACK_SECRET", callbackSecret)
	j := w.NewChannel(3000, func(b *wechatsim.Behaviour) { b.Latency = wechatsim.Uniform(50*time.Millisecond, 150*time.Millisecond) })
	all := []*Process{w.Start("a"), w.Start("b")}
	m := &mirror{w: w, to: slices.Clone(all), certain: map[*Process]int{}}
	web := httptest.NewServer(m)
	w.Cleanup(web.Close)
	j.Account.SetCallback(&wechatsim.Callback{
		URL: web.URL + "/?appid=" + j.Channel.AppID, Token: callbackToken(j.Channel.AppID), JobFinish: true,
		Failed: 0.3, Twice: 0.2, Contrary: 0.1, Strange: 0.05,
		Late: 0.1, Lateness: wechatsim.Uniform(time.Second, 4*time.Second), Delay: wechatsim.Uniform(0, 300*time.Millisecond),
	})
	w.must(w.Post(all[0], j))
	for i := range 2 {
		w.AwaitSends(j, int64(900*(i+1)))
		victim := all[w.Rand.IntN(2)]
		m.wait(victim)
		w.Pass(w.Between(0, 1500*time.Millisecond))
		victim.Kill()
		w.Row.Kills++
		fresh := w.Start([]string{"a", "b"}[slices.Index(all, victim)])
		m.replace(victim, fresh)
		all[slices.Index(all, victim)] = fresh
	}
	w.AwaitState(j, "succeeded", longest)
	w.Until("WeChat has posted everything", time.Minute, func() bool {
		s := j.Account.Stats()
		return s.Callbacks+s.CallbackFails == s.CallbacksMade
	})
	for _, p := range all {
		m.wait(p)
	}
	w.Judge(all[0], j, Verdict{Kills: int64(w.Row.Kills)})
	m.judge(all[0], j)
}

// judge holds the receipts of a job against what WeChat has posted.
func (m *mirror) judge(p *Process, j *Job) {
	w := m.w
	w.Helper()
	posted := map[string]pushd.Receipt{} // the best that may be known
	for _, r := range j.Account.Receipts(w.MsgID(j)) {
		if r.OpenID != "" {
			posted[r.OpenID] = max(posted[r.OpenID], pushd.ParseReceipt(r.Status))
		}
	}
	certain, each := map[string]pushd.Receipt{}, map[string]map[string]bool{}
	count := map[*Process]int{}
	uncertain := 0
	for _, h := range m.answered {
		if each[h.openid] == nil {
			each[h.openid] = map[string]bool{}
		}
		each[h.openid][pushd.ParseReceipt(h.status).String()] = true
		if count[h.to]++; count[h.to] <= m.certain[h.to] {
			certain[h.openid] = max(certain[h.openid], pushd.ParseReceipt(h.status))
		} else {
			uncertain++
		}
	}
	sums := map[string]int64{}
	missing := 0
	for person, err := range p.API().Recipients(w.Context(), j.ID) {
		w.must(err)
		if person.Receipt == "" {
			if certain[person.OpenID] != pushd.NoReceipt {
				w.Errorf("%s has no receipt, and %s was written", person.OpenID, certain[person.OpenID])
			}
			missing++
			continue
		}
		sums[person.Receipt]++
		if !each[person.OpenID][person.Receipt] {
			w.Errorf("%s has the receipt %s, which was not posted: %v", person.OpenID, person.Receipt, each[person.OpenID])
		}
		if best := certain[person.OpenID]; parsed(person.Receipt) < best || parsed(person.Receipt) > posted[person.OpenID] {
			w.Errorf("%s has the receipt %s, want at least %s and at most %s", person.OpenID, person.Receipt, best, posted[person.OpenID])
		}
	}
	job, err := p.API().Job(w.Context(), j.ID)
	w.must(err)
	if got := counted(job.Receipts); got != counted(&client.Receipts{Delivered: sums["delivered"], Blocked: sums["blocked"], By: sums}) {
		w.Errorf("the job says %s, its list has %v", got, sums)
	}
	for _, status := range []string{"delivered", "blocked", "freq_limit", "system_failed", "other"} {
		if sums[status] == 0 {
			w.Errorf("no recipient is %s: the scenario shows nothing", status)
		}
	}
	w.Logf("%d receipts answered, %d of them unwritten when their process was killed at most, %d recipients without one, %v", len(m.answered), uncertain, missing, sums)
}

// parsed is a receipt by its name.
func parsed(name string) pushd.Receipt {
	for _, r := range pushd.AllReceipts {
		if r.String() == name {
			return r
		}
	}
	return pushd.NoReceipt
}

// counted is what a job says of its receipts, to be compared.
func counted(r *client.Receipts) string {
	if r == nil {
		return "nothing"
	}
	return fmt.Sprint(r.Delivered, r.Blocked, r.By["freq_limit"], r.By["system_failed"], r.By["other"])
}
