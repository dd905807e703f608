package store

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"

	"github.com/jmoiron/sqlx"

	"pushd"
)

// Texts reads what the owner wrote for a template. See pushd.Channels.
func (s *Store) Texts(ctx context.Context, appID pushd.AppID, id pushd.TemplateID) (pushd.Texts, error) {
	var r struct {
		Content     string `db:"content"`
		Fields      []byte `db:"texts"`
		URL         string `db:"url"`
		MiniProgram []byte `db:"miniprogram"`
	}
	err := s.retry(ctx, func() error {
		return s.db.GetContext(ctx, &r, `
SELECT content, texts, url, miniprogram
FROM pushd_template
WHERE appid = ?
  AND template_id = ?`, appID, id)
	})
	if errors.Is(err, sql.ErrNoRows) {
		err = pushd.ErrNotFound
	}
	t := pushd.Texts{TemplateID: id, Content: r.Content, URL: r.URL}
	if err == nil {
		err = json.Unmarshal(r.Fields, &t.Fields)
	}
	if err == nil && len(r.MiniProgram) > 0 {
		err = json.Unmarshal(r.MiniProgram, &t.MiniProgram)
	}
	return t, wrap(err, "read texts of template %s", id)
}

// SaveTexts stores what the owner wrote for a template, in place of what was
// there.
func (s *Store) SaveTexts(ctx context.Context, appID pushd.AppID, t pushd.Texts) error {
	fields, err := json.Marshal(t.Fields)
	if err != nil {
		return wrap(err, "save texts")
	}
	var mini []byte
	if t.MiniProgram != nil {
		if mini, err = json.Marshal(t.MiniProgram); err != nil {
			return wrap(err, "save texts")
		}
	}
	err = s.tx(ctx, func(tx *sqlx.Tx) error {
		// Delete and insert is an upsert in every dialect.
		if _, err := s.exec(ctx, tx, `DELETE FROM pushd_template WHERE appid = ? AND template_id = ?`, appID, t.TemplateID); err != nil {
			return err
		}
		_, err := s.exec(ctx, tx, `
INSERT INTO pushd_template (appid, template_id, content, texts, url, miniprogram, updated_at)
VALUES (?, ?, ?, ?, ?, ?, {now})`, appID, t.TemplateID, t.Content, string(fields), t.URL, nullText(mini))
		return err
	})
	return wrap(err, "save texts of template %s", t.TemplateID)
}
