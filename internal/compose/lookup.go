package compose

import (
	"context"
	"errors"

	"pushd"
	"pushd/internal/account"
	"pushd/internal/retry"
)

// Texts keeps what owners wrote for their templates.
type Texts interface {
	// Texts reads what the owner wrote for a template; ErrNotFound if nothing.
	Texts(ctx context.Context, appID pushd.AppID, id pushd.TemplateID) (pushd.Texts, error)
}

// LookUp adds to the source what the owner wrote for its template and, where
// that does not say what the fields are, what WeChat lists. The error may be one
// of the account's: what was found before is in the source all the same.
func (s *Source) LookUp(ctx context.Context, r retry.Retrier, texts Texts, of account.Account) error {
	id := s.TemplateID()
	if id == "" || len(s.Asked.Data) > 0 && s.Asked.URL != "" {
		return nil
	}
	err := r.Do(ctx, "read texts", func(ctx context.Context) error {
		t, err := texts.Texts(ctx, of.AppID(), id)
		if err == nil {
			s.Texts = &t
		}
		return err
	})
	if err != nil && !errors.Is(err, pushd.ErrNotFound) {
		return err
	}
	if len(s.Asked.Data) > 0 || s.Texts != nil && (len(s.Texts.Fields) > 0 || s.Texts.Content != "") {
		return nil
	}
	list, err := of.Templates(ctx)
	s.Template = FindTemplate(list, id)
	return err
}
