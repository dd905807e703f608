package fanout

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"log/slog"
)

// Token is an access token. It prints as a short fingerprint whatever the
// verb, so that it cannot reach a log or an error by accident; string(t) is
// the token itself. (A map with tokens for keys is the one thing that JSON
// would show; there is none.)
type Token string

// Fingerprint is the first 16 hex digits of the token's SHA-256: enough to
// tell two tokens apart, of no use to anybody else. PHP's token endpoint gets
// the same digits in its parameter "rejected".
func (t Token) Fingerprint() string {
	if t == "" {
		return ""
	}
	sum := sha256.Sum256([]byte(t))
	return hex.EncodeToString(sum[:8])
}

// String returns the fingerprint in brackets.
func (t Token) String() string { return "[token " + t.Fingerprint() + "]" }

// Format implements fmt.Formatter: every verb prints the fingerprint.
func (t Token) Format(f fmt.State, _ rune) { fmt.Fprint(f, t.String()) }

// LogValue implements slog.LogValuer.
func (t Token) LogValue() slog.Value { return slog.StringValue(t.String()) }

// MarshalText implements encoding.TextMarshaler, and so covers JSON.
func (t Token) MarshalText() ([]byte, error) { return []byte(t.String()), nil }
