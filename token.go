package pushd

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"log/slog"
	"time"
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

// Tokens keeps the access tokens of the accounts.
type Tokens interface {
	// Token returns the account's current token. It asks PHP only if there
	// is none, and renews an ageing one beside the sends.
	Token(ctx context.Context, appID AppID, actID ActID) (Token, error)
	// Refused says that WeChat refused tok, and returns the token to go on
	// with: at once if tok is not current any more, else after one renewal
	// for all who ask.
	Refused(ctx context.Context, appID AppID, actID ActID, tok Token) (Token, error)
	// Doubted asks PHP again because tok may be another account's, and returns
	// what it gives, which may be tok.
	Doubted(ctx context.Context, appID AppID, actID ActID, tok Token) (Token, error)
	// Worked says that WeChat accepted tok.
	Worked(appID AppID, tok Token)
	// Offer takes a token that came with a job as a candidate. expiresIn is
	// 0 when unknown.
	Offer(appID AppID, tok Token, expiresIn time.Duration)
}

// TokenError says that there is no usable token now.
type TokenError struct {
	// RetryAfter is how long it takes until asking again can help.
	RetryAfter time.Duration
	// Err says why, without any secret.
	Err error
}

func (e *TokenError) Error() string { return e.Err.Error() }

func (e *TokenError) Unwrap() error { return e.Err }
