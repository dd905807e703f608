package console

import (
	"net/http"

	"pushd"
	"pushd/api/client"
)

// restoreView is the page of the jobs that wait because the database went back.
type restoreView struct {
	Jobs []client.Job
	More bool
}

// restore is GET /console/restore.
func (c *Console) restore(v *visit) {
	ctx, cancel := asking(v.r)
	defer cancel()
	list, err := v.api.Jobs(ctx, client.Filter{State: string(pushd.Paused), Limit: lookAt})
	if err != nil {
		c.failed(v, "restore.title", "stop", err)
		return
	}
	view := restoreView{More: list.NextCursor != ""}
	for _, j := range list.Items {
		if j.Reason == pushd.LedgerWentBack {
			view.Jobs = append(view.Jobs, j)
		}
	}
	c.show(v, http.StatusOK, "restore", layout{Title: "restore.title", Tab: "stop"}, view)
}
