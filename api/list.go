package api

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/labstack/echo/v4"

	"pushd"
)

// Lister reads lists of jobs.
type Lister interface {
	// Jobs lists jobs, newest first, and the cursor of the next list; "" at
	// the end. pushd.ErrCursor: the filter's cursor is none.
	Jobs(ctx context.Context, f pushd.Filter) (jobs []pushd.Job, next string, err error)
}

// How long a list is.
const defaultLimit, maxLimit = 50, 200

var (
	cursorPattern = pattern{regexp.MustCompile(`^[A-Za-z0-9_=.:-]+$`), 256, "the nextCursor of an earlier list", "cursor"}
	momentPattern = pattern{regexp.MustCompile(`^[0-9TtZz:.+-]+$`), 40, "unix seconds or a time as in RFC 3339", "time"}
)

type listDoc struct {
	Items      []jobDoc `json:"items"`
	NextCursor *string  `json:"nextCursor"`
}

// list is GET /v1/jobs.
func (s *Server) list(c echo.Context) error {
	filter, err := filter(c)
	if err != nil {
		return err
	}
	ctx, cancel := call(c)
	defer cancel()
	jobs, next, err := s.Jobs.Jobs(ctx, filter)
	if errors.Is(err, pushd.ErrCursor) {
		return invalid("cursor", "must be "+cursorPattern.what, wanted("cursor"))
	}
	if err != nil {
		return err
	}
	doc := listDoc{Items: make([]jobDoc, 0, len(jobs)), NextCursor: known(next)}
	for _, j := range jobs {
		doc.Items = append(doc.Items, s.job(ctx, j))
	}
	s.receiptSums(ctx, doc.Items)
	return answer(c, http.StatusOK, doc)
}

func filter(c echo.Context) (pushd.Filter, error) {
	f, err := parameters(c, "state", "actid", "appid", "since", "limit", "cursor")
	if err != nil {
		return pushd.Filter{}, err
	}
	filter := pushd.Filter{
		States: words(f, "state", append(slices.Clone(pushd.ActiveStates), pushd.EndedStates...)),
		AppID:  pushd.AppID(f.text("appid", namePattern)),
		Since:  f.since(),
		Limit:  defaultLimit,
		Cursor: f.text("cursor", cursorPattern),
	}
	if id := f.integer("actid", 1, 1<<63-1); id != nil {
		filter.ActID = pushd.ActID(*id)
	}
	if limit := f.integer("limit", 1, maxLimit); limit != nil {
		filter.Limit = int(*limit)
	}
	return filter, f.err()
}

// parameters opens a query like a body. What net/http would leave out, a broken
// escape or a semicolon, is refused: a list without one of its conditions is a list
// of too many.
func parameters(c echo.Context, known ...string) (*fields, error) {
	q, err := url.ParseQuery(c.Request().URL.RawQuery)
	if err != nil {
		return nil, invalid("", "the query is not properly encoded: write & between two parameters, and % only where it begins an escape", wanted("query"))
	}
	n := &node{kind: object}
	for _, key := range slices.Sorted(maps.Keys(q)) {
		if len(q[key]) > 1 {
			return nil, invalid(shown([]string{key}), "given twice", wanted("one value"))
		}
		*n.add(key) = node{kind: text, text: q.Get(key)}
	}
	f := newFields(n, nil, known...)
	return f, f.err()
}

// words reads words of a closed list, separated by commas.
func words[W ~string](f *fields, key string, all []W) []W {
	n := f.get(key)
	if n == nil {
		return nil
	}
	var chosen []W
	for w := range strings.SplitSeq(n.text, ",") {
		if !slices.Contains(all, W(w)) {
			f.refuse(key, fmt.Sprintf("must be some of %v, separated by commas", all), wanted("some of a list"))
			return nil
		}
		chosen = append(chosen, W(w))
	}
	return chosen
}

// since reads a moment.
func (f *fields) since() pushd.Time {
	s := f.text("since", momentPattern)
	if s == "" {
		return 0
	}
	if integerPattern.MatchString(s) {
		at := f.integer("since", 0, maxDeadline)
		if at == nil {
			return 0
		}
		return pushd.Time(*at * 1e6)
	}
	at, err := time.Parse(time.RFC3339, s)
	if err != nil {
		f.refuse("since", "must be "+momentPattern.what, wanted("time"))
		return 0
	}
	return pushd.Time(at.UnixMicro())
}
