package wechatsim

import (
	"encoding/json"
	"fmt"
	"sync"
	"time"
)

// quota is how much of its daily and minute quotas an account has used. The
// day is that of China, where the platform's numbers start again at midnight.
type quota struct {
	mu       sync.Mutex
	day      int64
	minute   int64
	sends    int // today
	pages    int
	tagPages int
	tokens   int
	inMin    int // sends this minute
	clears   int // calls of clear_quota, ten a month
}

const (
	tokensPerDay = 2000    // published, cgi-bin/token
	seenPerDay   = 1000000 // seen at a big account, given where there is no limit
	seenPerMin   = 4200000
)

// dayOf is the number of the day in China (UTC+8, no summer time).
func dayOf(t time.Time) int64 { return (t.Unix() + 8*3600) / 86400 }

// take uses one of a daily quota and says whether there was one left; limit 0
// is none.
func (q *quota) take(used *int, limit int, now time.Time) bool {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.turn(now)
	if limit > 0 && *used >= limit {
		return false
	}
	*used++
	return true
}

// turn starts a new day; called with the lock held.
func (q *quota) turn(now time.Time) {
	if day := dayOf(now); day != q.day {
		q.day, q.sends, q.pages, q.tagPages, q.tokens = day, 0, 0, 0, 0
	}
}

// send uses one send of both quotas and returns 0, 45009 or 45011.
func (q *quota) send(b *Behaviour, now time.Time) int {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.turn(now)
	if b.SendsPerDay > 0 && q.sends >= b.SendsPerDay {
		return 45009
	}
	if minute := now.Unix() / 60; minute != q.minute {
		q.minute, q.inMin = minute, 0
	}
	if b.SendsPerMinute > 0 && q.inMin >= b.SendsPerMinute {
		return 45011
	}
	q.sends++
	q.inMin++
	return 0
}

// ResetQuota starts a new day, as clear_quota does.
func (a *Account) ResetQuota() {
	a.quota.mu.Lock()
	defer a.quota.mu.Unlock()
	a.quota.sends, a.quota.pages, a.quota.tagPages, a.quota.tokens, a.quota.inMin = 0, 0, 0, 0, 0
}

// quotaCall answers POST openapi/quota/get.
func (s *Sim) quotaCall(c *call) reply {
	var in struct {
		Path string `json:"cgi_path"`
	}
	if json.Unmarshal(c.body, &in) != nil {
		return reply{code: 47001}
	}
	q, b := &c.account.quota, c.account.Behaviour()
	q.mu.Lock()
	defer q.mu.Unlock()
	q.turn(c.now)
	var used, limit int
	switch in.Path {
	case "/cgi-bin/message/template/send":
		used, limit = q.sends, b.SendsPerDay
	case "/cgi-bin/user/get":
		used, limit = q.pages, b.PagesPerDay
	case "/cgi-bin/user/tag/get":
		used, limit = q.tagPages, b.TagPagesPerDay
	case "/cgi-bin/token":
		used, limit = q.tokens, tokensPerDay
	default:
		return reply{code: 76021}
	}
	if limit == 0 {
		limit = max(seenPerDay, 10*c.account.followers.base)
	}
	perMinute := b.SendsPerMinute
	if perMinute == 0 {
		perMinute = seenPerMin
	}
	return reply{body: fmt.Appendf(nil, `{"errcode":0,"errmsg":"ok",`+
		`"quota":{"daily_limit":%d,"used":%d,"remain":%d},`+
		`"rate_limit":{"call_count":%d,"refresh_second":60},`+
		`"component_rate_limit":{"call_count":%d,"refresh_second":60}}`,
		limit, used, max(0, limit-used), perMinute, perMinute/4)}
}

// clearCall answers POST clear_quota: ten times, then 48006.
func (s *Sim) clearCall(c *call) reply {
	var in struct {
		AppID string `json:"appid"`
	}
	if json.Unmarshal(c.body, &in) != nil {
		return reply{code: 47001}
	}
	if in.AppID != c.account.appid {
		return reply{code: 40013}
	}
	if !c.account.quota.clear() {
		return reply{code: 48006}
	}
	c.account.ResetQuota()
	return reply{}
}

func (q *quota) clear() bool {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.clears++
	return q.clears <= 10
}
