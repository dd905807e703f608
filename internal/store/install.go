package store

import (
	"context"
	"crypto/rand"
	"database/sql"
	"encoding/hex"
	"errors"

	"github.com/jmoiron/sqlx"
)

// Salt returns what tells this installation's client_msg_ids from another's.
// It is drawn once and travels with every copy of the database.
//
// It is kept in memory only after a transaction that holds it was committed:
// an id must never derive from a salt that is in no database.
func (s *Store) Salt(ctx context.Context) (string, error) {
	if salt := s.salt.Load(); salt != nil {
		return *salt, nil
	}
	salt, err := s.readSalt(ctx)
	if errors.Is(err, sql.ErrNoRows) {
		salt, err = s.drawSalt(ctx)
	}
	if err != nil {
		return "", wrap(err, "read the installation's salt")
	}
	s.salt.Store(&salt)
	return salt, nil
}

func (s *Store) readSalt(ctx context.Context) (salt string, err error) {
	err = s.retry(ctx, func() error {
		return s.db.GetContext(ctx, &salt, `SELECT salt FROM pushd_install WHERE id = 1`)
	})
	return salt, err
}

// drawSalt inserts a salt unless another process is faster, and returns the
// one that is there then. It reads in the transaction that wrote, so that a
// replica which lags behind is not asked.
func (s *Store) drawSalt(ctx context.Context) (salt string, err error) {
	b := make([]byte, 32)
	_, _ = rand.Read(b) // never fails
	err = s.tx(ctx, func(tx *sqlx.Tx) error {
		_, err := s.exec(ctx, tx, `INSERT INTO pushd_install (id, salt, counter) VALUES (1, ?, 0)`, hex.EncodeToString(b))
		if err != nil && !s.d.Duplicate(err) {
			return err
		}
		return tx.GetContext(ctx, &salt, `SELECT salt FROM pushd_install WHERE id = 1`)
	})
	return salt, err
}
