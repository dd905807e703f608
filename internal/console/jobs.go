package console

import (
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"pushd"
	"pushd/api/client"
)

// jobsView is a list of jobs, the newest first.
type jobsView struct {
	Items  []client.Job
	States []pushd.State // all there are
	Chosen string        // one of them, or ""
	ActID  string
	AppID  string
	Next   string // the address of the list's next part; "" at the end
}

// jobs lists jobs of any age.
func (c *Console) jobs(v *visit) {
	ctx, cancel := asking(v.r)
	defer cancel()
	q := v.r.URL.Query()
	view := jobsView{
		States: slices.Concat(pushd.ActiveStates, pushd.EndedStates),
		Chosen: q.Get("state"), ActID: strings.TrimSpace(q.Get("actid")), AppID: strings.TrimSpace(q.Get("appid")),
	}
	filter := client.Filter{State: view.Chosen, AppID: view.AppID, Cursor: q.Get("cursor")}
	if view.ActID != "" {
		id, err := strconv.ParseInt(view.ActID, 10, 64)
		if err != nil || id < 1 {
			id = -1 // the API says what is wrong with it
		}
		filter.ActID = id
	}
	list, err := v.api.Jobs(ctx, filter)
	if err != nil {
		c.failed(v, "jobs.title", "jobs", err)
		return
	}
	view.Items = list.Items
	if list.NextCursor != "" {
		view.Next = Root + "jobs?" + url.Values{
			"state": {view.Chosen}, "actid": {view.ActID}, "appid": {view.AppID}, "cursor": {list.NextCursor},
		}.Encode()
	}
	c.show(v, http.StatusOK, "jobs", layout{Title: "jobs.title", Tab: "jobs"}, view)
}
