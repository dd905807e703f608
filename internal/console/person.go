package console

import (
	"context"
	"encoding/json"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"pushd"
	"pushd/api/client"
)

// personView is what became of one follower over jobs of all ages.
type personView struct {
	OpenID string
	AppID  string
	Rows   []personLine
	Looked int    // jobs that were looked at
	Absent int    // of them: was not on the list
	Purged int    // of them: no longer on record
	Cursor string // where to look on; "" at the end
	Slow   bool   // the time was up
	Asked  bool
}

// personLine is what became of a follower in one job.
type personLine struct {
	Job     client.Job
	Outcome string
	Error   string
	Receipt string // what WeChat says of it
	Version int
	Message *pushd.Message // of that version, where it was sent
}

const (
	// jobsPerLook is at how many jobs one look for a follower looks, and
	// personFor how long it takes at most: a big job's list is read whole.
	jobsPerLook = 20
	personFor   = 8 * time.Second
)

// personPage is GET /console/person.
func (c *Console) personPage(v *visit) {
	c.show(v, http.StatusOK, "person", layout{Title: "person.title", Tab: "person"}, personView{AppID: v.r.URL.Query().Get("appid")})
}

// person is POST /console/person: the openid stays out of addresses.
func (c *Console) person(v *visit) {
	ctx, cancel := context.WithTimeout(v.r.Context(), personFor)
	defer cancel()
	form := v.r.PostForm
	view := personView{OpenID: strings.TrimSpace(form.Get("openid")), AppID: strings.TrimSpace(form.Get("appid")), Asked: true}
	if view.OpenID == "" {
		view.Asked = false
		c.show(v, http.StatusUnprocessableEntity, "person", layout{Title: "person.title", Tab: "person"}, view)
		return
	}
	list, err := v.api.Jobs(ctx, client.Filter{AppID: view.AppID, Limit: jobsPerLook, Cursor: form.Get("cursor")})
	if err != nil {
		c.failed(v, "person.title", "person", err)
		return
	}
	view.Cursor = list.NextCursor
	for _, j := range list.Items {
		line, err := recipientOf(ctx, v, j, view.OpenID)
		switch {
		case err == nil:
			view.Rows = append(view.Rows, line)
		case client.Code(err) == "recipient_not_found":
			view.Absent++
		case client.Code(err) == "record_purged":
			view.Purged++
		case ctx.Err() != nil:
			view.Slow = true
		default:
			c.failed(v, "person.title", "person", err)
			return
		}
		if view.Slow {
			break
		}
		view.Looked++
	}
	c.show(v, http.StatusOK, "person", layout{Title: "person.title", Tab: "person"}, view)
}

// recipientOf asks what became of a follower in a job, and for the message that
// they got.
func recipientOf(ctx context.Context, v *visit, j client.Job, openID string) (line personLine, err error) {
	raw, err := v.api.Raw(ctx, http.MethodGet, client.JobPath(j.ID)+"/recipients/"+url.PathEscape(openID), nil)
	if err != nil {
		return line, err
	}
	var doc struct {
		Outcome string `json:"outcome"`
		Error   string `json:"error"`
		Receipt string `json:"receipt"`
		Version int    `json:"messageVersion"`
	}
	if err := json.Unmarshal(raw, &doc); err != nil {
		return line, err
	}
	line = personLine{Job: j, Outcome: doc.Outcome, Error: doc.Error, Receipt: doc.Receipt, Version: doc.Version}
	switch doc.Version {
	case 0:
	case j.MessageVersion:
		line.Message = j.Message
	default: // the job has been corrected since
		whole, err := v.api.Job(ctx, j.ID)
		if err != nil {
			return line, err
		}
		if i := slices.IndexFunc(whole.Messages, func(m client.MessageVersion) bool { return m.Version == doc.Version }); i >= 0 {
			line.Message = &whole.Messages[i].Message
		}
	}
	return line, nil
}
