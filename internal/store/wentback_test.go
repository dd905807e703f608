package store_test

import (
	"strings"
	"testing"

	"pushd"
)

// Nothing is raised where there is no row yet, and the row does not tell its
// salt.
func TestStore_RaiseWithoutARow(t *testing.T) {
	everywhere(t, func(t *testing.T, f *fixture) {
		f.set(`DELETE FROM pushd_install`)
		_, err := f.Raise(f.ctx, 0)
		f.want(err, pushd.ErrLost)
		in, err := f.Installation(f.ctx)
		f.ok(err)
		salt, err := f.Salt(f.ctx)
		f.ok(err)
		if in.Counter.Installation == "" || strings.Contains(salt, in.Counter.Installation) || in.Value != 0 || in.Now == 0 {
			t.Errorf("a new installation is %+v", in)
		}
		_, err = f.Raise(f.ctx, 0)
		f.ok(err)
	})
}

// A database that was exchanged for another copy gives its own salt, and one
// without a salt draws one.
func TestStore_InstallationOfAnotherCopy(t *testing.T) {
	everywhere(t, func(t *testing.T, f *fixture) {
		first, err := f.Installation(f.ctx)
		f.ok(err)
		f.set(`UPDATE pushd_install SET salt = 'another'`)
		second, err := f.Installation(f.ctx)
		f.ok(err)
		salt, err := f.Salt(f.ctx)
		f.ok(err)
		if second.Counter.Installation == first.Counter.Installation || salt != "another" {
			t.Errorf("installation %s, then %s, salt %q", first.Counter.Installation, second.Counter.Installation, salt)
		}
		f.set(`DELETE FROM pushd_install`)
		third, err := f.Installation(f.ctx)
		f.ok(err)
		if salt, _ := f.Salt(f.ctx); salt == "another" || third.Counter.Installation == second.Counter.Installation {
			t.Errorf("the salt is %q, the installation %s", salt, third.Counter.Installation)
		}
	})
}
