package console

import (
	"context"
	"iter"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"time"

	"pushd/api/client"
)

// recipientsView is a part of the list of a job's recipients with one outcome, or
// with one kind of receipt.
type recipientsView struct {
	Job      client.Job
	Outcome  string // "" where the list is by receipt
	Receipt  string // "" where it is by outcome
	Outcomes []outcome
	Receipts []outcome
	Rows     []client.Recipient
	First    int // number of the first row
	Before   string
	After    string
	Whole    bool // the list goes on beyond what is shown here
	Most     int  // rows that can be leafed through
	Slow     bool // looking for them took too long
	Shown    bool // openids
	Show     string
}

const (
	rowsPerPage = 100
	// rowsMost is how far a list can be leafed through. It is read from its
	// start each time; whoever wants all of it takes the file.
	rowsMost = 10_000
	// listFor bounds the reading of a page of a list.
	listFor = 8 * time.Second
)

// recipients is GET /console/jobs/{id}/recipients.
func (c *Console) recipients(v *visit) {
	ctx, cancel := context.WithTimeout(v.r.Context(), listFor)
	defer cancel()
	q := v.r.URL.Query()
	view, by := newRecipientsView(q)
	from, err := strconv.Atoi(q.Get("from"))
	if err != nil || from < 0 || from >= rowsMost {
		from = 0
	}
	j, ok := c.jobOf(ctx, v, "recipients.title")
	if !ok {
		return
	}
	view.Job, view.Outcomes, view.Receipts, view.First = j, outcomesOf(j), receiptsOf(j), from+1
	list := v.api.Recipients(ctx, j.ID, view.Outcome)
	if view.Receipt != "" {
		list = v.api.RecipientsByReceipt(ctx, j.ID, view.Receipt)
	}
	more, err := view.read(list, from)
	if view.Slow = err != nil && ctx.Err() != nil; err != nil && !view.Slow {
		c.failed(v, "recipients.title", "jobs", err)
		return
	}
	at := func(from int, shown bool) string {
		q := maps.Clone(by)
		q.Set("from", strconv.Itoa(from))
		if shown {
			q.Set("openids", "1")
		}
		return jobPage(j.ID) + "/recipients?" + q.Encode()
	}
	view.Show = at(from, !view.Shown)
	if from > 0 {
		view.Before = at(max(from-rowsPerPage, 0), view.Shown)
	}
	if next := from + rowsPerPage; more && next < rowsMost {
		view.After = at(next, view.Shown)
	} else {
		view.Whole = more
	}
	c.show(v, http.StatusOK, "recipients", layout{Title: "recipients.title", Of: j.ID, Tab: "jobs"}, view)
}

// newRecipientsView is the list that a request asks for, and the query for it: those who
// failed, if it asks for none that there is.
func newRecipientsView(q url.Values) (view recipientsView, by url.Values) {
	view = recipientsView{Most: rowsMost, Shown: q.Get("openids") == "1"}
	if receipt := q.Get("receipt"); slices.Contains(receipts, receipt) {
		view.Receipt = receipt
		return view, url.Values{"receipt": {receipt}}
	}
	if view.Outcome = q.Get("outcome"); !slices.Contains(outcomes, view.Outcome) {
		view.Outcome = "failed"
	}
	return view, url.Values{"outcome": {view.Outcome}}
}

// read fills the rows from one on, and says whether there are more.
func (view *recipientsView) read(list iter.Seq2[client.Recipient, error], from int) (more bool, err error) {
	n := 0
	for r, err := range list {
		if err != nil {
			return false, err
		}
		if n++; n <= from {
			continue
		}
		if len(view.Rows) == rowsPerPage {
			return true, nil
		}
		view.Rows = append(view.Rows, r)
	}
	return false, nil
}

// recipientsCSV is GET /console/jobs/{id}/recipients.csv: the API's own list.
func (c *Console) recipientsCSV(v *visit) {
	q := url.Values{"format": {"csv"}}
	for _, by := range []string{"outcome", "receipt"} {
		if word := v.r.URL.Query().Get(by); word != "" {
			q.Set(by, word)
		}
	}
	v.r.URL.RawQuery = q.Encode()
	c.forward(v, client.JobPath(v.r.PathValue("id"))+"/recipients")
}
