package platform

import (
	"database/sql"
	"errors"
	"fmt"
	"math"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"
)

// cell is one value of the platform's, of whatever type its column has: the
// value as the driver gives it, and the name of the type where it is known.
//
// The errors of its methods follow the column's name in a sentence. They hold
// no text of the platform's: it may be anything, also something secret.
type cell struct {
	value any
	kind  string
	zone  *time.Location // of a type with a zone of its own; else nil
}

// newCell makes a cell of a value; TIMESTAMPs come in the zone stamps.
func newCell(value any, t *sql.ColumnType, stamps *time.Location) cell {
	c := cell{value: value, kind: strings.TrimPrefix(t.DatabaseTypeName(), "UNSIGNED ")}
	if c.kind == "TIMESTAMP" {
		c.zone = stamps
	}
	return c
}

// readCells reads a row, by the names of its columns in lower case.
func readCells(rows *sql.Rows, types []*sql.ColumnType, stamps *time.Location) (map[string]cell, error) {
	values, into := make([]any, len(types)), make([]any, len(types))
	for i := range values {
		into[i] = &values[i]
	}
	if err := rows.Scan(into...); err != nil {
		return nil, err
	}
	cells := make(map[string]cell, len(types))
	for i, is := range types {
		cells[strings.ToLower(is.Name())] = newCell(values[i], is, stamps)
	}
	return cells, nil
}

// null says that nothing is known: NULL.
func (c cell) null() bool { return c.value == nil }

// plain is the value as text, whatever it is.
func (c cell) plain() string {
	switch v := c.value.(type) {
	case nil:
		return ""
	case []byte:
		if c.kind == "BIT" {
			return strconv.FormatUint(bits(v), 10)
		}
		return string(v)
	case string:
		return v
	case bool:
		if v {
			return "1"
		}
		return "0"
	case time.Time:
		return v.Format(time.RFC3339)
	case float64:
		return strconv.FormatFloat(v, 'f', -1, 64)
	case float32:
		return strconv.FormatFloat(float64(v), 'f', -1, 32)
	}
	return fmt.Sprint(c.value) // integers of all sizes
}

// bits reads a BIT column.
func bits(b []byte) (n uint64) {
	for _, x := range b {
		n = n<<8 | uint64(x)
	}
	return n
}

// what names the kind of a value in a refusal.
func (c cell) what() string {
	kind := c.kind
	if kind == "" {
		kind = "value"
	}
	return fmt.Sprintf("a %s of %d bytes", kind, len(c.plain()))
}

// text reads a text; "" for NULL.
func (c cell) text() (string, error) {
	text := c.plain()
	if !utf8.ValidString(text) {
		return "", errors.New("holds bytes that are not UTF-8; CONVERT it to utf8mb4")
	}
	return text, nil
}

// words are the texts that pass for a flag.
var words = map[string]bool{
	"y": true, "yes": true, "on": true, "true": true, "t": true,
	"n": false, "no": false, "off": false, "false": false, "f": false,
}

// flag reads what is on or off; nil for NULL.
func (c cell) flag() (*bool, error) {
	if c.null() {
		return nil, nil
	}
	text := strings.ToLower(strings.TrimSpace(c.plain()))
	on, known := words[text]
	if !known {
		n, err := number(text)
		if err != nil {
			return nil, fmt.Errorf("is %s that says neither yes nor no", c.what())
		}
		on = n != 0
	}
	return &on, nil
}

// whole reads a whole number; nil for NULL and for an empty text.
func (c cell) whole() (*int64, error) {
	text := strings.TrimSpace(c.plain())
	if text == "" {
		return nil, nil
	}
	n, err := number(text)
	if err != nil || n != math.Trunc(n) || math.Abs(n) > 1<<53 {
		return nil, fmt.Errorf("is %s that is no whole number", c.what())
	}
	i := int64(n)
	return &i, nil
}

// number reads a number written in decimal. None that is used here needs more
// digits than a float64 has.
func number(text string) (float64, error) {
	if strings.Trim(text, "0123456789.+-eE") != "" { // inf, nan, 0x, 1_000
		return 0, strconv.ErrSyntax
	}
	return strconv.ParseFloat(text, 64)
}

// moment reads a time as unix seconds: a number of them, or date and time of
// day, which are in zone unless they say otherwise. 0 is NULL, 0, an empty
// text or MySQL's zero date.
func (c cell) moment(zone *time.Location) (int64, error) {
	text := strings.TrimSpace(c.plain())
	if c.zone != nil {
		zone = c.zone
	}
	if t, ok := c.value.(time.Time); ok && c.kind != "DATE" {
		if _, offset := t.Zone(); offset == 0 { // the driver had to choose a zone, too
			t = time.Date(t.Year(), t.Month(), t.Day(), t.Hour(), t.Minute(), t.Second(), 0, zone)
		}
		return t.Unix(), nil
	}
	switch {
	case c.null(), text == "", strings.HasPrefix(text, "0000-00-00"):
		return 0, nil
	case c.kind == "FLOAT":
		return 0, errors.New("is a FLOAT, which can't hold unix seconds to the second")
	case c.kind == "DATE" || len(text) == len(time.DateOnly) && strings.Count(text, "-") == 2:
		return 0, errors.New("is a date without the time of day")
	}
	n, err := number(text)
	if err != nil {
		return clock(text, zone, c)
	}
	if math.Abs(n) > 1<<62 {
		return 0, errors.New("is a number that is no time of a stream in unix seconds")
	}
	if n > 0 && n < 1 {
		n = 1 // it is not "unknown", and is refused as a time
	}
	return int64(math.Floor(n)), nil
}

// clock reads date and time of day as MySQL and others write them.
func clock(text string, zone *time.Location, c cell) (int64, error) {
	text = strings.Replace(text, "T", " ", 1)
	for _, layout := range []string{"2006-01-02 15:04:05", "2006-01-02 15:04", "2006-01-02 15:04:05Z07:00", "2006-01-02 15:04:05 -0700", "2006/01/02 15:04:05", "2006/01/02 15:04"} {
		if at, err := time.ParseInLocation(layout, text, zone); err == nil { // also with a fraction of a second
			return at.Unix(), nil
		}
	}
	return 0, fmt.Errorf("is %s that is no time", c.what())
}
