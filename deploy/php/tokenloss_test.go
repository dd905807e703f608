package php_test

import (
	"fmt"
	"testing"

	"pushd/deploy/php/phptest"
)

// The database goes away while WeChat is asked: the token is good all the same,
// and who asked gets it. The next one fetches it again.
func TestToken_DatabaseLostMeanwhile(t *testing.T) {
	e := newEndpoint(t)
	e.wechat.set(func(stableCall) any {
		for _, id := range e.others(t) {
			_, _ = e.ExecContext(t.Context(), fmt.Sprint("KILL ", id)) // it may have ended by itself
		}
		return token("marked-token", 7200)
	})
	if a := e.ask(t, "appid=wx1"); a.Status != 200 || a.AccessToken != "marked-token" {
		t.Errorf("%+v", a)
	}
	e.wechat.set(nil)
	e.exec(t, "UPDATE wx_access_token SET busy_until = 0") // its lock ends by itself, after 20 s
	if a := e.ask(t, "appid=wx1"); a.Status != 200 {
		t.Errorf("%+v", a)
	}
}

// others are the connections to the platform's database beside the one that asks.
func (p *platform) others(t *testing.T) (ids []int64) {
	t.Helper()
	rows, err := p.QueryContext(t.Context(), "SELECT id FROM information_schema.processlist WHERE db = ? AND id <> CONNECTION_ID()", p.name)
	if err != nil {
		t.Error(err)
		return nil
	}
	defer rows.Close()
	for rows.Next() {
		var id int64
		if err := rows.Scan(&id); err != nil {
			t.Error(err)
		}
		ids = append(ids, id)
	}
	if err := rows.Err(); err != nil {
		t.Error(err)
	}
	return ids
}

// WeChat counts a force_refresh also if its answer is lost: the next one has to
// wait as if it had come.
func TestToken_ForcedInVain(t *testing.T) {
	e := newEndpoint(t)
	refused := e.ask(t, "appid=wx1").AccessToken
	e.wechat.asked()
	e.wechat.set(func(c stableCall) any {
		if c.ForceRefresh {
			return 502
		}
		return token(refused, 7200)
	})
	for _, want := range []struct {
		status, calls int
	}{{502, 2}, {503, 1}} {
		a := e.ask(t, "appid=wx1&rejected="+fingerprint(refused))
		if calls := e.wechat.asked(); a.Status != want.status || len(calls) != want.calls {
			t.Errorf("%+v %+v, want %+v", a, calls, want)
		}
		e.exec(t, "UPDATE wx_access_token SET failed_at = 0") // what WeChat said is remembered for 5 s
	}
	if n := e.number(t, "SELECT force_count FROM wx_access_token"); n != 1 {
		t.Errorf("force_count %d", n)
	}
}

// A row whose key is there is no trouble, a row that the table refuses is.
func TestInsert_TellsTwiceFromWrong(t *testing.T) {
	p := newPlatform(t)
	p.exec(t, "CREATE TABLE note (id INT PRIMARY KEY, text VARBINARY(255) NOT NULL) ENGINE=InnoDB")
	h := phptest.New(t, p.settings())
	for _, c := range []struct{ id, text, want string }{
		{"1", "new", "written"}, {"1", "again", "twice"}, {"2", "", "refused"},
	} {
		if run := h.Script(t.Context(), t, "testdata/insert.php", c.id, c.text); run.Stdout != c.want {
			t.Errorf("%s %q: %+v", c.id, c.text, run)
		}
	}
}
