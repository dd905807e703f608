package api

import (
	"bufio"
	"encoding/csv"
	"encoding/json"
	"io"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/labstack/echo/v4"

	"pushd"
)

// unreached are the outcomes of people who were not told.
var unreached = map[string]pushd.PersonState{
	"failed":  pushd.PersonFailed,
	"unknown": pushd.PersonUnknown,
	"skipped": pushd.PersonSkipped,
}

// listed are the outcomes of GET /v1/jobs/{id}/recipients: with untold, for those
// without an outcome, every recipient is on exactly one list.
var listed = map[string][]pushd.PersonState{
	"sent":    {pushd.PersonSent},
	"skipped": {pushd.PersonSkipped},
	"failed":  {pushd.PersonFailed},
	"unknown": {pushd.PersonUnknown},
	untold:    {pushd.Untouched, pushd.Refused, pushd.InDoubt},
}

// untold is the outcome of a recipient who has none.
const untold = "untold"

// recipients is GET /v1/jobs/{id}/recipients.
func (s *Server) recipients(c echo.Context) error {
	f, err := parameters(c.QueryParams(), "outcome", "format")
	if err != nil {
		return err
	}
	all := []string{"sent", "skipped", "failed", "unknown", untold}
	outcomes := words(f, "outcome", all)
	if outcomes == nil {
		outcomes = all
	}
	var states []pushd.PersonState
	for _, o := range outcomes {
		states = append(states, listed[o]...)
	}
	return s.people(c, f, states, "recipients")
}

// failures is GET /v1/jobs/{id}/failures. A million people may be on the
// list, so it is written as it is read.
func (s *Server) failures(c echo.Context) error {
	f, err := parameters(c.QueryParams(), "outcome", "format")
	if err != nil {
		return err
	}
	outcomes := words(f, "outcome", []string{"failed", "unknown", "skipped"})
	if outcomes == nil {
		outcomes = []string{"failed", "unknown", "skipped"}
	}
	var states []pushd.PersonState
	for _, o := range outcomes {
		states = append(states, unreached[o])
	}
	return s.people(c, f, states, "failures")
}

// people streams a job's recipients in some states.
func (s *Server) people(c echo.Context, f *fields, states []pushd.PersonState, name string) error {
	asCSV := strings.Contains(c.Request().Header.Get(echo.HeaderAccept), "text/csv")
	if format := words(f, "format", []string{"csv", "ndjson"}); format != nil {
		asCSV = format[0] == "csv"
	}
	if err := f.err(); err != nil {
		return err
	}
	ctx, cancel := call(c)
	defer cancel()
	j, err := s.find(ctx, c)
	if err != nil {
		return err
	}
	if err := kept(j); err != nil {
		return err
	}
	out := newStream(c, j.ID, name, asCSV)
	// The stream itself has no time limit, each piece of it has.
	err = s.Jobs.Failures(c.Request().Context(), j.ID, states, out.write)
	if err == nil {
		err = out.close()
	}
	if err != nil && c.Response().Committed {
		s.Logger.Warn("list of recipients cut off", "request_id", requestID(c), "job_id", string(j.ID), "error", err)
		panic(http.ErrAbortHandler) // an incomplete list must not look complete
	}
	return found(err)
}

// flushEvery is after how many people a piece of the list is sent off.
const flushEvery = 500

// stream writes people as they come. Nothing is sent before the first piece,
// so that an error until then still gets an answer of its own.
type stream struct {
	c      echo.Context
	job    pushd.JobID
	name   string // of the list, for the file
	buf    *bufio.Writer
	csv    *csv.Writer // nil for NDJSON
	rows   int
	header bool
}

func newStream(c echo.Context, job pushd.JobID, name string, asCSV bool) *stream {
	st := &stream{c: c, job: job, name: name}
	st.buf = bufio.NewWriterSize(piece{st}, 32<<10)
	if asCSV {
		st.csv = csv.NewWriter(st.buf)
		st.csv.UseCRLF = true
		_, _ = st.buf.WriteString("\uFEFF") // by it Excel knows UTF-8
		_ = st.csv.Write(st.columns("openid", "outcome", "error", "page", "messageVersion"))
	}
	return st
}

// piece is the last step of a stream: it begins the answer, and gives every
// piece its own time to arrive.
type piece struct{ *stream }

var _ io.Writer = piece{}

func (p piece) Write(b []byte) (int, error) {
	p.begin()
	rc := http.NewResponseController(p.c.Response())
	_ = rc.SetWriteDeadline(time.Now().Add(writeTimeout)) // fails only without a connection
	n, err := p.c.Response().Write(b)
	if err != nil {
		return n, err
	}
	return n, rc.Flush()
}

func (st *stream) begin() {
	if st.header {
		return
	}
	st.header = true
	h := st.c.Response().Header()
	h.Set(echo.HeaderContentType, "application/x-ndjson")
	if st.csv != nil {
		h.Set(echo.HeaderContentType, "text/csv; charset=utf-8")
		h.Set(echo.HeaderContentDisposition, `attachment; filename="pushd-`+string(st.job)+`-`+st.name+`.csv"`)
	}
	st.c.Response().WriteHeader(http.StatusOK)
}

// failureDoc is a line of NDJSON.
type failureDoc struct {
	OpenID  pushd.OpenID `json:"openid"`
	Outcome string       `json:"outcome"`
	Error   *string      `json:"error"`
	Page    int          `json:"page"`
	Version *int         `json:"messageVersion,omitempty"` // of who got it
}

func (st *stream) write(f pushd.Failure) error {
	if err := st.line(f); err != nil {
		return err
	}
	if st.rows++; st.rows%flushEvery == 0 {
		return st.flush()
	}
	return nil
}

func (st *stream) line(f pushd.Failure) error {
	err, version := explained(f.State, f.Code)
	doc := failureDoc{f.OpenID, outcomeOf(f.State), err, f.Page, version}
	if st.csv == nil {
		return json.NewEncoder(st.buf).Encode(doc)
	}
	why, number := "", ""
	if err != nil {
		why = *err
	}
	if version != nil {
		number = strconv.Itoa(*version)
	}
	return st.csv.Write(st.columns(cell(string(doc.OpenID)), doc.Outcome, cell(why), strconv.Itoa(doc.Page), number))
}

// columns are the cells of a line; on a list of failures nobody has a version.
func (st *stream) columns(cells ...string) []string {
	if st.name == "failures" {
		return cells[:len(cells)-1]
	}
	return cells
}

// outcomeOf names a recipient's outcome.
func outcomeOf(s pushd.PersonState) string {
	if !s.Settled() {
		return untold
	}
	return s.String()
}

// cell keeps a spreadsheet from taking a text for a formula.
func cell(s string) string {
	if s != "" && strings.ContainsRune("=+-@\t\r", rune(s[0])) {
		return "'" + s
	}
	return s
}

func (st *stream) flush() error {
	if st.csv != nil {
		st.csv.Flush()
		if err := st.csv.Error(); err != nil {
			return err
		}
	}
	return st.buf.Flush()
}

// close sends the rest; an empty list is an answer too.
func (st *stream) close() error {
	if err := st.flush(); err != nil {
		return err
	}
	st.begin()
	return nil
}
