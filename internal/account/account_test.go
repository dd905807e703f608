package account

import (
	"context"
	"errors"
	"math/rand/v2"
	"testing"
	"testing/synctest"

	"pushd"
	"pushd/internal/retry"
)

// scripted answers one call after the other, and remembers with which tokens it
// was called.
type scripted struct {
	pushd.WeChat
	answers []pushd.Answer
	by      []pushd.Token
}

func (s *scripted) next(tok pushd.Token) pushd.Answer {
	s.by = append(s.by, tok)
	a := s.answers[0]
	if len(s.answers) > 1 {
		s.answers = s.answers[1:]
	}
	return a
}

func (s *scripted) Page(_ context.Context, tok pushd.Token, _ pushd.OpenID) (pushd.FollowerPage, pushd.Answer) {
	return pushd.FollowerPage{Total: 7}, s.next(tok)
}

func (s *scripted) Quota(_ context.Context, tok pushd.Token, _ string) (int64, pushd.Answer) {
	return 9, s.next(tok)
}

func (s *scripted) Templates(_ context.Context, tok pushd.Token) ([]pushd.Template, pushd.Answer) {
	return []pushd.Template{{ID: "t"}}, s.next(tok)
}

func (s *scripted) Send(_ context.Context, tok pushd.Token, _ *pushd.Letter, _ pushd.OpenID) pushd.Answer {
	return s.next(tok)
}

// tokens gives a, and then b in place of one that was refused.
type tokens struct {
	pushd.Tokens
	err error
}

func (t tokens) Token(context.Context, pushd.AppID, pushd.ActID) (pushd.Token, error) {
	return "a", t.err
}

func (t tokens) Refused(context.Context, pushd.AppID, pushd.ActID, pushd.Token) (pushd.Token, error) {
	return "b", nil
}

// asking runs f with an account at a WeChat that answers so.
func asking(t *testing.T, err error, answers []pushd.Answer, f func(*testing.T, Account, *scripted)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		w := &scripted{answers: answers}
		f(t, New(w, tokens{err: err}, retry.NewJitter(rand.New(rand.NewPCG(1, 1)))).Of("wx1", 1), w)
	})
}

func TestAccount_AnotherTokenIfOneIsRefused(t *testing.T) {
	asking(t, nil, []pushd.Answer{{Verdict: pushd.TokenRefused}, {}}, func(t *testing.T, a Account, w *scripted) {
		page, by, answer, err := a.Page(t.Context(), "")
		if err != nil || !answer.OK() || by != "b" || page.Total != 7 || len(w.by) != 2 || w.by[0] != "a" {
			t.Errorf("%v by %s: %+v, %v; asked by %s", page, string(by), answer, err, w.by)
		}
	})
}

func TestAccount_AgainWhileBusy(t *testing.T) {
	busy := pushd.Answer{Verdict: pushd.Busy, Code: pushd.CodeTimeout, Text: "no answer"}
	asking(t, nil, []pushd.Answer{busy, busy, {}}, func(t *testing.T, a Account, w *scripted) {
		if n, err := a.Quota(t.Context(), SendAPI); err != nil || n != 9 || len(w.by) != 3 {
			t.Errorf("%d left, %v after %d tries", n, err, len(w.by))
		}
	})
	asking(t, nil, []pushd.Answer{busy}, func(t *testing.T, a Account, w *scripted) {
		_, err := a.Templates(t.Context())
		var refused *Refused
		if !errors.As(err, &refused) || refused.Answer != busy || len(w.by) != maxTries ||
			err.Error() != "the account's templates can't be listed: timeout (no answer)" {
			t.Errorf("%v after %d tries", err, len(w.by))
		}
	})
}

// What WeChat won't list is no error; a token that can't be had is.
func TestAccount_Errors(t *testing.T) {
	asking(t, nil, []pushd.Answer{{Verdict: pushd.Fatal, Code: 48001}}, func(t *testing.T, a Account, _ *scripted) {
		if list, err := a.Templates(t.Context()); list != nil || err != nil {
			t.Errorf("%v, %v", list, err)
		}
		if _, err := a.Quota(t.Context(), SendAPI); err == nil {
			t.Error("a quota that can't be read is no error")
		}
	})
	asking(t, &pushd.TokenError{Err: errors.New("PHP is away")}, []pushd.Answer{{}}, func(t *testing.T, a Account, w *scripted) {
		_, err := a.Send(t.Context(), nil, "o")
		var none *NoToken
		var why *pushd.TokenError
		if !errors.As(err, &none) || !errors.As(err, &why) || len(w.by) != 0 {
			t.Errorf("%v after %d tries", err, len(w.by))
		}
	})
}

// A duplicate is an earlier try's doing only where one may have been accepted.
func TestAccount_SendTwice(t *testing.T) {
	duplicate := pushd.Answer{Verdict: pushd.DeferShort, Code: pushd.CodeDuplicate}
	asking(t, nil, []pushd.Answer{duplicate}, func(t *testing.T, a Account, _ *scripted) {
		if answer, err := a.Send(t.Context(), nil, "o"); err != nil || answer != duplicate {
			t.Errorf("%+v, %v", answer, err)
		}
	})
	asking(t, nil, []pushd.Answer{{Verdict: pushd.Busy, Ambiguous: true}, duplicate}, func(t *testing.T, a Account, _ *scripted) {
		if answer, err := a.Send(t.Context(), nil, "o"); err != nil || !answer.OK() {
			t.Errorf("%+v, %v", answer, err)
		}
	})
}
