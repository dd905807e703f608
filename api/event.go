package api

import (
	"context"
	"errors"
	"net/http"
	"time"

	"github.com/labstack/echo/v4"

	"pushd"
)

// Chronicle reads what has happened.
type Chronicle interface {
	// Events lists events, the oldest first; pushd.ErrCursor.
	Events(ctx context.Context, f pushd.EventFilter) (events []pushd.Event, next string, err error)
}

// eventDoc is an event as callers see it.
type eventDoc struct {
	ID      int64            `json:"id"`
	At      *time.Time       `json:"at"`
	JobID   *pushd.JobID     `json:"jobId"`
	AppID   *pushd.AppID     `json:"appid"`
	Kind    pushd.EventKind  `json:"kind"`
	By      *pushd.Actor     `json:"by"`
	State   *pushd.State     `json:"state"`
	Reason  *pushd.Reason    `json:"reason"`
	Detail  *string          `json:"detail"`
	Figures map[string]int64 `json:"figures"`
	Times   int              `json:"times"`
	LastAt  *time.Time       `json:"lastAt"`
}

// eventsDoc is a list of events. NextCursor goes on behind its last one, also
// where there is nothing yet.
type eventsDoc struct {
	Items      []eventDoc `json:"items"`
	NextCursor *string    `json:"nextCursor"`
}

// jobEvents is GET /v1/jobs/{id}/events.
func (s *Server) jobEvents(c echo.Context) error {
	return s.listEvents(c, func(ctx context.Context, f *pushd.EventFilter) error {
		j, err := s.find(ctx, c)
		f.Job = j.ID
		return err
	}, "limit", "cursor")
}

// events is GET /v1/events.
func (s *Server) events(c echo.Context) error {
	return s.listEvents(c, func(_ context.Context, f *pushd.EventFilter) error {
		f.Settled = true // whoever follows the list must not miss one
		return nil
	}, "appid", "since", "limit", "cursor")
}

// listEvents lists the events that the query, and of, choose.
func (s *Server) listEvents(c echo.Context, of func(context.Context, *pushd.EventFilter) error, names ...string) error {
	f, err := parameters(c, names...)
	if err != nil {
		return err
	}
	filter := pushd.EventFilter{
		AppID: pushd.AppID(f.text("appid", namePattern)), Since: f.since(),
		Limit: defaultLimit, Cursor: f.text("cursor", cursorPattern),
	}
	if limit := f.integer("limit", 1, maxLimit); limit != nil {
		filter.Limit = int(*limit)
	}
	if err := f.err(); err != nil {
		return err
	}
	ctx, cancel := call(c)
	defer cancel()
	if err := of(ctx, &filter); err != nil {
		return err
	}
	events, next, err := s.Jobs.Events(ctx, filter)
	if errors.Is(err, pushd.ErrCursor) {
		return invalid("cursor", "must be "+cursorPattern.what, wanted("cursor"))
	}
	if err != nil {
		return err
	}
	doc := eventsDoc{Items: []eventDoc{}, NextCursor: known(next)}
	for _, e := range events {
		doc.Items = append(doc.Items, eventOf(e))
	}
	return answer(c, http.StatusOK, doc)
}

// eventOf describes an event.
func eventOf(e pushd.Event) eventDoc {
	doc := eventDoc{
		ID: e.ID, At: instant(e.At), JobID: known(e.Job), AppID: known(e.AppID), Kind: e.Kind, By: known(e.By), State: known(e.State),
		Reason: known(e.Reason), Detail: known(e.Detail), Figures: e.Figures, Times: e.Times, LastAt: instant(e.Last),
	}
	if doc.Figures == nil {
		doc.Figures = map[string]int64{}
	}
	return doc
}
