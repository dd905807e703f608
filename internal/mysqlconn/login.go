package mysqlconn

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync/atomic"

	"github.com/go-sql-driver/mysql"
)

// Login is by which user and password a pool opens its connections. They may
// change while it is in use; the zero value has those of the pool's DSN.
type Login struct {
	dsn, table string // with which the pool was opened
	now        atomic.Pointer[credentials]
}

// credentials are compared by their address: those of a connection are in use or
// not.
type credentials struct{ user, password string }

// of is the credentials in use; nil if they are the DSN's, and for a pool without a
// Login.
func (l *Login) of() *credentials {
	if l == nil {
		return nil
	}
	return l.now.Load()
}

// before fills in the credentials of a connection that is about to be opened.
func (l *Login) before(_ context.Context, cfg *mysql.Config) error {
	if now := l.of(); now != nil {
		cfg.User, cfg.Passwd = now.user, now.password
	}
	return nil
}

// Change takes user and password of another DSN, if the database lets them in:
// connections that are opened from now on have them, those that are open are
// closed as soon as nothing uses them. Nothing else may differ from the DSN that the
// pool was opened with: another host or database could be another ledger. The
// error never shows a password.
func (l *Login) Change(ctx context.Context, dsn string) error {
	last, err := mysql.ParseDSN(l.dsn)
	if err != nil {
		return errNoDSN
	}
	next, err := mysql.ParseDSN(dsn)
	if err != nil {
		return errNoDSN
	}
	credentials := &credentials{next.User, next.Passwd}
	last.User, last.Passwd, next.User, next.Passwd = "", "", "", ""
	if last.FormatDSN() != next.FormatDSN() {
		return errors.New("database DSN: it differs from the one in use in more than user and password; restart pushd to use it")
	}
	db, err := Open(dsn, nil, l.table, nil, slog.New(slog.DiscardHandler))
	if err != nil {
		return err
	}
	defer func() { _ = db.Close() }() // nothing was written
	if err := db.PingContext(ctx); err != nil {
		return fmt.Errorf("database DSN: the database does not let the new user in: %w", err)
	}
	l.now.Store(credentials)
	return nil
}
