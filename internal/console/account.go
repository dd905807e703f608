package console

import (
	"cmp"
	"net/http"
	"slices"
	"strings"
	"time"

	"pushd/api/client"
)

// Token is what a process knows of an account's access token.
type Token struct {
	Age   time.Duration // since pushd first saw it; 0 = there is none
	Rest  time.Duration // until it is no longer used
	Error string        // why asking for one does not help; "" if it does
	Since time.Time     // since when
}

// accountView is the page of an account.
type accountView struct {
	AppID   string
	Hold    *client.Hold
	Jobs    []client.Job
	Sent    int64
	Failed  int64 // unknown ones too
	More    bool
	Quota   *int64
	QuotaAt *time.Time
	Token   *Token
	Age     string
	Rest    string
	Known   []accountLine // where no account is named
}

// accountLine is an account in the list of those that had a job lately.
type accountLine struct {
	AppID  string
	Jobs   int
	Last   *time.Time
	Active int
}

// month is how far an account's page looks back.
const month = 30 * 24 * time.Hour

// account is GET /console/account.
func (c *Console) account(v *visit) {
	ctx, cancel := asking(v.r)
	defer cancel()
	view := accountView{AppID: strings.TrimSpace(v.r.URL.Query().Get("appid"))}
	list, err := v.api.Jobs(ctx, client.Filter{AppID: view.AppID, Since: v.o.Now().Add(-month), Limit: lookAt})
	if err != nil {
		c.failed(v, "account.title", "account", err)
		return
	}
	view.More = list.NextCursor != ""
	if view.AppID == "" {
		view.Known = accounts(list.Items)
		c.show(v, http.StatusOK, "account", layout{Title: "account.title", Tab: "account"}, view)
		return
	}
	view.Jobs = list.Items
	for _, j := range view.Jobs {
		view.Sent += j.Sent
		view.Failed += j.Failed + j.Unknown
		if view.Quota == nil && j.QuotaRemain != nil {
			view.Quota, view.QuotaAt = j.QuotaRemain, cmp.Or(j.FinishedAt, j.StartedAt)
		}
	}
	hold, err := v.api.Hold(ctx, view.AppID)
	if err != nil {
		c.failed(v, "account.title", "account", err)
		return
	}
	view.Hold = &hold
	if known, ok := c.Token(view.AppID); ok {
		view.Token, view.Age, view.Rest = &known, v.span(known.Age), v.span(known.Rest)
	}
	c.show(v, http.StatusOK, "account", layout{Title: "account.title", Of: view.AppID, Tab: "account"}, view)
}

// accounts lists the accounts of jobs, the one with the newest job first.
func accounts(jobs []client.Job) (lines []accountLine) {
	for _, j := range jobs {
		i := slices.IndexFunc(lines, func(l accountLine) bool { return l.AppID == j.AppID })
		if i < 0 {
			i = len(lines)
			lines = append(lines, accountLine{AppID: j.AppID, Last: j.CreatedAt})
		}
		lines[i].Jobs++
		if !j.Ended() {
			lines[i].Active++
		}
	}
	return lines
}
