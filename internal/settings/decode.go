package settings

import (
	"errors"
	"fmt"
	"reflect"
	"strconv"
	"strings"
	"time"

	"github.com/alecthomas/kong"

	"pushd"
)

// Decoder is the kong.Mapper of all settings. A text that cannot be decoded
// is noted, the default put in its place and the next setting looked at, so
// that a start fails once and not once per mistake.
type Decoder struct{ Problems *Problems }

// Decode implements kong.Mapper.
func (d Decoder) Decode(ctx *kong.DecodeContext, target reflect.Value) error {
	text, err := pop(ctx.Scan, target)
	if err != nil {
		return err
	}
	tag := ctx.Value.Tag
	err = decode(target, text)
	if err == nil {
		return nil
	}
	d.Problems.Add(EnvName(ctx.Value.Name), "%s%s", shown(text, err), Allowed(tag.Get))
	if ctx.Value.HasDefault {
		return decode(target, ctx.Value.Default)
	}
	target.SetZero()
	return nil
}

// pop takes the text of one setting. A switch without a value is "true".
func pop(scan *kong.Scanner, target reflect.Value) (string, error) {
	if target.Kind() == reflect.Bool && scan.Peek().Type != kong.FlagValueToken {
		return "true", nil
	}
	token, err := scan.PopValue("value")
	if err != nil {
		return "", err
	}
	return fmt.Sprint(token.Value), nil
}

// shown is the bad text, where there is any. No secret comes here: any text
// is good enough for a Secret or an Address, until validate looks at it.
func shown(text string, err error) string {
	if text == "" {
		return err.Error()
	}
	return fmt.Sprintf("%q %v", text, err)
}

// decode turns the text of a setting into a value. Its errors go on where the
// text left off: `"7000" has no unit`.
func decode(target reflect.Value, text string) error {
	if text == "" {
		return errors.New("is set but empty; give it a value or unset it")
	}
	switch v := target.Addr().Interface().(type) {
	case *time.Duration:
		return decodeDuration(v, text)
	case *int:
		n, err := strconv.Atoi(text)
		if err != nil {
			return errors.New("is not a whole number")
		}
		*v = n
	case *bool:
		on, err := strconv.ParseBool(text)
		if err != nil {
			return errors.New("is neither true nor false")
		}
		*v = on
	case *OpenIDs:
		return decodeOpenIDs(v, text)
	default:
		if target.Kind() != reflect.String {
			return fmt.Errorf("cannot be decoded into %s", target.Type())
		}
		target.SetString(text)
	}
	return nil
}

func decodeDuration(v *time.Duration, text string) error {
	d, err := time.ParseDuration(text)
	if err == nil {
		*v = d
		return nil
	}
	if _, err := strconv.Atoi(text); err == nil {
		return fmt.Errorf("has no unit; %ss is that many seconds", text)
	}
	return errors.New("is not a duration such as 10s, 30m or 168h")
}

// decodeOpenIDs refuses a list without a name in it: it would tell everyone.
func decodeOpenIDs(v *OpenIDs, text string) error {
	var ids OpenIDs
	for _, id := range Split(text) {
		if len(id) > 64 || strings.ContainsFunc(id, func(r rune) bool { return !openIDRune(r) }) {
			return errors.New("is not a comma-separated list of openids")
		}
		ids = append(ids, pushd.OpenID(id))
	}
	if len(ids) == 0 {
		return errors.New("names no openid; unset it to send to all")
	}
	*v = ids
	return nil
}

func openIDRune(r rune) bool {
	return r == '-' || r == '_' || '0' <= r && r <= '9' || 'a' <= r && r <= 'z' || 'A' <= r && r <= 'Z'
}

// Allowed says what a setting's tags allow, ready to be put after a message.
func Allowed(tag func(string) string) string {
	if list := tag("oneof"); list != "" {
		return "; allowed: " + strings.ReplaceAll(list, ",", ", ")
	}
	low, high := tag("min"), tag("max")
	if low == "" {
		return ""
	}
	return "; allowed: " + low + " to " + high
}
