package compose

import (
	"fmt"
	"regexp"
	"strings"
	"unicode"
	"unicode/utf8"
)

// takes says in words what WeChat takes in a field of each type. Types that
// are not here take any text, or WeChat does not say what.
// Source: the value limits of subscription notices, which category templates
// share: https://developers.weixin.qq.com/doc/service/api/notify/template/api_sendtemplatemessage
var takes = map[string]string{
	"number":           "digits, with a decimal point or without, such as 15",
	"letter":           "letters from A to Z",
	"symbol":           "symbols, neither letters nor digits",
	"character_string": "digits, letters and symbols of ASCII, no Chinese",
	"time":             "a time of 24 hours, such as 20:00 or 2026年03月01日 20:00, or two with ~ between",
	"date":             "a date, such as 2026年03月01日, or one with a time, or two with ~ between",
	"amount":           "an amount, such as ¥39.8 or 39.8元, of at most 10 digits",
	"phone_number":     "digits and symbols",
	"phrase":           "Chinese characters alone",
}

const (
	dayText   = `\d{4}(年(0?[1-9]|1[0-2])月(0?[1-9]|[12]\d|3[01])日|-(0?[1-9]|1[0-2])-(0?[1-9]|[12]\d|3[01])|/(0?[1-9]|1[0-2])/(0?[1-9]|[12]\d|3[01]))`
	clockText = `([01]?\d|2[0-3]):[0-5]\d(:[0-5]\d)?`
	timeText  = `(` + dayText + ` ?)?` + clockText
	dateText  = dayText + `( ?` + clockText + `)?`
)

var (
	numberForm = regexp.MustCompile(`^\d+(\.\d+)?$`)
	amountForm = regexp.MustCompile(`^[¥￥$€£]?\d{1,10}(\.\d+)?元?$`)
	timeForm   = regexp.MustCompile(`^` + timeText + `( ?~ ?` + timeText + `)?$`)
	dateForm   = regexp.MustCompile(`^` + dateText + `( ?~ ?` + dateText + `)?$`)
)

// fits says whether WeChat takes v in the field, as far as is known. WeChat
// answers 47003 to all if it does not.
func (f Field) fits(v string) bool {
	if n := f.LimitOf(v); v == "" || n > 0 && utf8.RuneCountInString(v) > n {
		return false
	}
	switch f.Type {
	case "number":
		return numberForm.MatchString(v)
	case "letter":
		return every(v, func(r rune) bool { return r < utf8.RuneSelf && unicode.IsLetter(r) })
	case "symbol":
		return every(v, func(r rune) bool { return !unicode.IsLetter(r) && !unicode.IsDigit(r) })
	case "character_string":
		return every(v, func(r rune) bool { return r < utf8.RuneSelf })
	case "time":
		return timeForm.MatchString(v)
	case "date":
		return dateForm.MatchString(v)
	case "amount":
		return amountForm.MatchString(v)
	case "phone_number":
		return every(v, func(r rune) bool { return r < utf8.RuneSelf && !unicode.IsLetter(r) })
	case "phrase":
		return every(v, func(r rune) bool { return unicode.Is(unicode.Han, r) })
	}
	return true
}

// LimitOf is how many characters of v's kind the field takes; 0 = unknown.
func (f Field) LimitOf(v string) int {
	if f.Type == "name" && !every(v, func(r rune) bool { return r < utf8.RuneSelf }) {
		return 10 // Chinese names; others may have all of f.Limit
	}
	return f.Limit
}

// timeLayout is how a start time is written in the field.
func (f Field) timeLayout() string {
	switch f.Type {
	case "date":
		return "2006年01月02日"
	case "character_string":
		return "2006-01-02 15:04"
	}
	return "2006年01月02日 15:04"
}

// unfit says what the field takes, where something does not fit.
func (f Field) unfit() string {
	return fmt.Sprintf("does not fit the type %s: WeChat takes %s", f.Type, takes[f.Type])
}

func every(v string, want func(rune) bool) bool {
	return strings.IndexFunc(v, func(r rune) bool { return !want(r) }) < 0
}
