package settings

import (
	"fmt"
	"log/slog"
	"net/url"
)

// Secret is a text that must not be seen: it prints as "[secret]" whatever
// the verb, so that a Settings can be printed and logged. string(s) is the
// text itself.
type Secret string

// String says whether there is a secret, and no more.
func (s Secret) String() string {
	if s == "" {
		return ""
	}
	return "[secret]"
}

// Format implements fmt.Formatter: every verb prints what String returns.
func (s Secret) Format(f fmt.State, _ rune) { fmt.Fprint(f, s.String()) }

// LogValue implements slog.LogValuer.
func (s Secret) LogValue() slog.Value { return slog.StringValue(s.String()) }

// MarshalText implements encoding.TextMarshaler, and so covers JSON.
func (s Secret) MarshalText() ([]byte, error) { return []byte(s.String()), nil }

// Address is a URL whose query may hold a secret: it prints without user,
// query and fragment. string(a) is the URL itself.
type Address string

// String returns the URL as far as anybody may see it.
func (a Address) String() string {
	u, err := url.Parse(string(a))
	if err != nil {
		return "[not a URL]"
	}
	shown := url.URL{Scheme: u.Scheme, Host: u.Host, Path: u.Path}
	if u.RawQuery != "" {
		return shown.String() + "?[secret]"
	}
	return shown.String()
}

// Format implements fmt.Formatter: every verb prints what String returns.
func (a Address) Format(f fmt.State, _ rune) { fmt.Fprint(f, a.String()) }

// LogValue implements slog.LogValuer.
func (a Address) LogValue() slog.Value { return slog.StringValue(a.String()) }

// MarshalText implements encoding.TextMarshaler, and so covers JSON.
func (a Address) MarshalText() ([]byte, error) { return []byte(a.String()), nil }
