package pushd

import (
	"fmt"
	"log/slog"
)

// Key is a key of the API. It prints as its name, whatever the verb: the secret
// is seen nowhere.
type Key struct {
	Name     Actor // in logs and events
	Secret   string
	ReadOnly bool // may read everything and change nothing
}

// String is the key's name.
func (k Key) String() string { return string(k.Name) }

// Format implements fmt.Formatter.
func (k Key) Format(f fmt.State, _ rune) { fmt.Fprint(f, k.String()) }

// LogValue implements slog.LogValuer.
func (k Key) LogValue() slog.Value { return slog.StringValue(k.String()) }

// MarshalText implements encoding.TextMarshaler, and so covers JSON.
func (k Key) MarshalText() ([]byte, error) { return []byte(k.String()), nil }
