package console

import (
	"context"
	"net/http"
	"slices"
	"strings"

	"pushd"
	"pushd/api/client"
)

// stopView is the page that stops everything, or an account.
type stopView struct {
	All      client.Hold
	Accounts []stopLine
	Failure  *failure
	Done     string // "held", "lifted" or ""
	DoneOf   string // the account, or "" for everything
	Outcome  *client.Hold
	Running  int   // jobs that would stop
	Left     int64 // recipients who would wait
}

// stopLine is an account that has something to stop, or is held.
type stopLine struct {
	AppID   string
	Hold    *client.AccountHold
	Active  int
	Running int
	Left    int64
}

// stop is GET /console/stop.
func (c *Console) stop(v *visit) {
	ctx, cancel := asking(v.r)
	defer cancel()
	view, err := c.standing(ctx, v)
	if err != nil {
		c.failed(v, "stop.title", "stop", err)
		return
	}
	c.showStop(v, http.StatusOK, view)
}

func (c *Console) showStop(v *visit, status int, view stopView) {
	c.show(v, status, "stop", layout{Title: "stop.title", Tab: "stop"}, view)
}

// standing is what is held, and what could be.
func (c *Console) standing(ctx context.Context, v *visit) (view stopView, err error) {
	if view.All, err = v.api.Hold(ctx, ""); err != nil {
		return view, err
	}
	active, err := v.api.Jobs(ctx, client.Filter{State: states(pushd.ActiveStates), Limit: lookAt})
	if err != nil {
		return view, err
	}
	by := map[string]*stopLine{}
	line := func(appID string) *stopLine {
		if by[appID] == nil {
			by[appID] = &stopLine{AppID: appID}
		}
		return by[appID]
	}
	for i := range view.All.Accounts {
		line(view.All.Accounts[i].AppID).Hold = &view.All.Accounts[i]
	}
	for _, j := range active.Items {
		l := line(j.AppID)
		l.Active++
		l.Left += left(j)
		view.Left += left(j)
		if j.State == pushd.Running {
			l.Running++
			view.Running++
		}
	}
	for _, l := range by {
		view.Accounts = append(view.Accounts, *l)
	}
	slices.SortFunc(view.Accounts, func(a, b stopLine) int { return strings.Compare(a.AppID, b.AppID) })
	return view, nil
}

// hold is POST /console/stop: sets a hold, or lifts one, and says what came of it.
func (c *Console) hold(v *visit) {
	ctx, cancel := asking(v.r)
	defer cancel()
	form := v.r.PostForm
	appID, what := strings.TrimSpace(form.Get("appid")), form.Get("do")
	var done client.Hold
	var err error
	switch {
	case form.Get("of") == "account" && appID == "":
		err = v.invalid("appid", "stop.which") // never everything in place of a name that was left out
	case form.Get("sure") != "1" && what == "lift":
		err = v.invalid("sure", "stop.sure.wanted")
	case what == "lift":
		done, err = v.api.LiftHold(ctx, appID)
	default:
		what = "hold"
		done, err = v.api.SetHold(ctx, appID, strings.TrimSpace(form.Get("reason")))
	}
	if back := form.Get("back"); err == nil && strings.HasPrefix(back, Root+"account") {
		http.Redirect(v.w, v.r, local(back), http.StatusSeeOther)
		return
	}
	status := http.StatusOK
	why := (*failure)(nil)
	if err != nil {
		var f failure
		status, f = v.explain(err)
		why = &f
	}
	view, err := c.standing(ctx, v)
	if err != nil {
		c.failed(v, "stop.title", "stop", err)
		return
	}
	view.Failure = why
	if why == nil {
		view.Done, view.DoneOf, view.Outcome = what, appID, &done
	}
	c.showStop(v, status, view)
}
