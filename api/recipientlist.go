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
	"unicode/utf8"

	"github.com/labstack/echo/v4"

	"pushd"
)

// flushEvery is after how many recipients a piece of the list is sent off.
const flushEvery = 500

// stream writes recipients as they come. Nothing is sent before the first piece,
// so that an error until then still gets an answer of its own.
type stream struct {
	c      echo.Context
	job    pushd.JobID
	name   string // of the list, for the file
	buf    *bufio.Writer
	csv    *csv.Writer // nil for NDJSON
	rows   int
	chosen func(pushd.Failure) bool // nil: everyone
	header bool
}

func newStream(c echo.Context, job pushd.JobID, name string, asCSV bool) *stream {
	st := &stream{c: c, job: job, name: name}
	st.buf = bufio.NewWriterSize(piece{st}, 32<<10)
	if asCSV {
		st.csv = csv.NewWriter(st.buf)
		st.csv.UseCRLF = true
		_, _ = st.buf.WriteString("\uFEFF") // by it Excel knows UTF-8
		_ = st.csv.Write(st.columns("openid", "outcome", "error", "page", "messageVersion", "receipt"))
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
	Receipt string       `json:"receipt,omitempty"`
}

func (st *stream) write(f pushd.Failure) error {
	if st.chosen != nil && !st.chosen(f) {
		return nil
	}
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
	doc := failureDoc{OpenID: f.OpenID, Outcome: outcomeOf(f.State), Error: err, Page: f.Page, Version: version}
	if st.name != "failures" {
		doc.Receipt = f.Receipt.String()
	}
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
	return st.csv.Write(st.columns(cell(string(doc.OpenID)), doc.Outcome, cell(why), strconv.Itoa(doc.Page), number, doc.Receipt))
}

// columns are the cells of a line; on a list of failures there is neither a version
// nor a receipt.
func (st *stream) columns(cells ...string) []string {
	if st.name == "failures" {
		return cells[:len(cells)-2]
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

// cell keeps a spreadsheet from taking a text for a formula. A Chinese or Japanese
// one also reads one behind a full-width sign.
func cell(s string) string {
	if first, _ := utf8.DecodeRuneInString(s); s != "" && strings.ContainsRune("=+-@\t\r\n＝＋－＠", first) {
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
