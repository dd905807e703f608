package wechatsim

import (
	"regexp"
	"strings"
	"unicode"
	"unicode/utf8"
)

// Fits says whether WeChat takes a value for a field; the key's name without
// its number is the type, and the limits are those of the table of field
// types. Names that are no type, as old templates have them, take anything.
func Fits(key, value string) bool {
	kind := strings.TrimRight(key, "0123456789")
	if kind == key || !isType(kind) {
		return true
	}
	if value == "" || strings.IndexFunc(value, unicode.IsControl) >= 0 {
		return false
	}
	n := utf8.RuneCountInString(value)
	switch kind {
	case "thing":
		return n <= 20
	case "number":
		return n <= 32 && numberForm.MatchString(value)
	case "letter":
		return n <= 32 && only(value, func(r rune) bool { return r < 128 && unicode.IsLetter(r) })
	case "symbol":
		return n <= 5 && only(value, func(r rune) bool { return !unicode.IsLetter(r) && !unicode.IsDigit(r) })
	case "character_string":
		return n <= 32 && only(value, func(r rune) bool { return r < 128 })
	case "time":
		return timeForm.MatchString(value)
	case "date":
		return dateForm.MatchString(value)
	case "amount":
		return amountForm.MatchString(value)
	case "phone_number":
		return n <= 17 && only(value, func(r rune) bool { return r < 128 && !unicode.IsLetter(r) })
	case "car_number":
		return n <= 8
	case "name":
		return n <= 10 || n <= 20 && only(value, func(r rune) bool { return r < 128 })
	case "phrase":
		return n <= 5 && only(value, func(r rune) bool { return unicode.Is(unicode.Han, r) })
	}
	return true
}

func isType(kind string) bool {
	switch kind {
	case "thing", "number", "letter", "symbol", "character_string", "time", "date",
		"amount", "phone_number", "car_number", "name", "phrase", "enum", "const", "short_thing":
		return true
	}
	return false
}

func only(value string, want func(rune) bool) bool {
	return strings.IndexFunc(value, func(r rune) bool { return !want(r) }) < 0
}

const (
	dayText   = `\d{4}(年\d{1,2}月\d{1,2}日|-\d{1,2}-\d{1,2}|/\d{1,2}/\d{1,2})`
	clockText = `\d{1,2}:\d{2}(:\d{2})?`
)

// A time may lack the date, a date the time; both may be a range with "~".
var (
	numberForm = regexp.MustCompile(`^-?\d+(\.\d+)?$`)
	amountForm = regexp.MustCompile(`^[¥￥$€£]?\d{1,10}(\.\d+)?元?$`)
	timeForm   = regexp.MustCompile(`^(` + dayText + ` ?)?` + clockText + `(\s?~\s?(` + dayText + ` ?)?` + clockText + `)?$|^` + dayText + `$`)
	dateForm   = regexp.MustCompile(`^` + dayText + `( ?` + clockText + `)?(\s?~\s?` + dayText + `( ?` + clockText + `)?)?$`)
)
