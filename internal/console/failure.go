package console

import (
	"cmp"
	"context"
	"errors"
	"log/slog"
	"net/http"

	"pushd/api/client"
)

// failure is what a page says that could not be made, or a button that did not
// do what it should.
type failure struct {
	Text   string
	Detail string // what the API said
	Code   string
	Again  bool // asking again may help
	JobID  string
}

// explain words an error of the API's.
func (v *visit) explain(err error) (status int, f failure) {
	p, refused := errors.AsType[*client.Problem](err)
	switch {
	case refused:
		status = p.Status
		f = failure{Text: v.word("code", p.Code), Detail: p.Detail, Code: string(p.Code), Again: client.Temporary(err), JobID: p.JobID}
		if f.Text == string(p.Code) {
			f.Text = cmp.Or(p.Title, f.Text)
		}
		if p.Field != "" {
			f.Detail = p.Field + ": " + f.Detail
		}
	case errors.Is(err, context.DeadlineExceeded):
		status, f = http.StatusServiceUnavailable, failure{Text: v.t("error.slow"), Again: true}
	default:
		status, f = http.StatusBadGateway, failure{Text: v.t("error.broken"), Detail: err.Error()}
	}
	return status, f
}

// failed shows why a page can't be made. A page that is renewed goes on asking.
func (c *Console) failed(v *visit, title, tab string, err error) {
	status, f := v.explain(err)
	if status == http.StatusUnauthorized { // the key is no longer one
		c.end(v.w, v.r)
		c.toLogin(v.w, v.r)
		return
	}
	level := slog.LevelDebug
	if status >= http.StatusInternalServerError {
		level = slog.LevelWarn
	}
	c.Logger.Log(v.r.Context(), level, "console: page not made", "request_id", v.w.Header().Get("X-Request-Id"), "route", v.r.Pattern, "status", status, "error", err)
	c.show(v, status, "failed", layout{Title: title, Tab: tab, Live: f.Again && v.r.Method == http.MethodGet || v.r.Header.Get("Hx-Request") != ""}, f)
}

// sorry is a page that says one thing.
func (c *Console) sorry(v *visit, status int, word string) {
	c.show(v, status, "failed", layout{Title: "error.title"}, failure{Text: v.t(word)})
}
