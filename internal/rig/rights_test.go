package rig_test

import (
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"net/http"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/go-sql-driver/mysql"

	"pushd/internal/daemon"
	"pushd/internal/mariadb"
	"pushd/internal/rig"
	"pushd/internal/store"
	"pushd/internal/wechatsim"
)

// robbed is a pushd whose database's user loses rights.
type robbed struct {
	*rig.Rig
	t    *testing.T
	srv  *mariadb.Server
	name string // of the database
}

func newRobbed(t *testing.T) *robbed {
	t.Helper()
	srv, err := mariadb.Start(t.Context(), mariadb.WithGrants())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { srv.Stop() })
	schema, err := os.ReadFile("../../deploy/schema.sql")
	if err != nil {
		t.Fatal(err)
	}
	w := &robbed{t: t, srv: srv}
	w.Rig, err = rig.New(t.Context(), rig.Options{Server: srv, Schema: string(schema), Change: func(c *daemon.Config) {
		dsn, err := mysql.ParseDSN(c.Store.DSN)
		if err != nil {
			t.Error(err)
			return
		}
		if w.name != "" { // a further start
			c.Store.DSN = srv.UserDSN("pushd", "pw", w.name)
			return
		}
		w.name, c.Store.DSN = dsn.DBName, srv.UserDSN("pushd", "pw", dsn.DBName)
		w.exec("CREATE USER pushd@localhost IDENTIFIED BY 'pw'")
		for table, verbs := range store.Rights() {
			w.exec("GRANT " + strings.Join(verbs, ", ") + " ON " + w.name + "." + table + " TO pushd@localhost")
		}
		for _, table := range []string{"activity", "activity_detail", "user_wx_account", "user_wx_config", "user", "pushd_schema", "pushd_schema_state"} {
			w.exec("GRANT SELECT, UPDATE ON " + w.name + "." + table + " TO pushd@localhost")
		}
	}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := w.Close(); err != nil {
			t.Error(err)
		}
	})
	return w
}

func (w *robbed) exec(text string) {
	w.t.Helper()
	if err := w.srv.Exec(w.t.Context(), "", text); err != nil {
		w.t.Error(text, err)
	}
}

// ask makes a call, and returns its status and body.
func (w *robbed) ask(method, path, body string) (int, string) {
	w.t.Helper()
	r, err := http.NewRequestWithContext(w.t.Context(), method, w.URL+path, strings.NewReader(body))
	if err != nil {
		w.t.Fatal(err)
	}
	r.Header.Set("Authorization", "Bearer "+w.Key)
	r.Header.Set("Content-Type", "application/json")
	got, err := http.DefaultClient.Do(r)
	if err != nil {
		w.t.Fatal(err)
	}
	defer got.Body.Close()
	text, err := io.ReadAll(got.Body)
	if err != nil {
		w.t.Fatal(err)
	}
	return got.StatusCode, string(text)
}

// until waits until /healthz has this status, and says the words.
func (w *robbed) until(status int, words string) {
	w.t.Helper()
	end := time.Now().Add(40 * time.Second)
	for {
		got, text := w.ask("GET", "/healthz", "")
		if got == status && strings.Contains(text, words) {
			return
		}
		if time.Now().After(end) {
			w.t.Fatalf("health stays %d %s, want %d and %q", got, text, status, words)
		}
		time.Sleep(20 * time.Millisecond) // it is the daemon's loop that looks
	}
}

// Whichever right on whichever table is missing: no call fails as if pushd were to
// blame, the refusal and health name the table, and all goes on once it is given.
func TestRig_RightsTakenAway(t *testing.T) {
	w := newRobbed(t)
	w.Sim.Account("wxrobbed", wechatsim.AccountOptions{Followers: 3})
	w.until(200, "")
	if status, text := w.ask("PUT", "/v1/accounts/wxrobbed/hold", `{"reason":"so that jobs wait"}`); status != 200 {
		t.Fatal(status, text)
	}
	act, named := int64(100), map[string]bool{}
	channel := func() int64 {
		act++
		if err := w.AddChannel(t.Context(), rig.Channel{ActID: act, AppID: "wxrobbed", TemplateID: wechatsim.TemplateID("wxrobbed", 1)}); err != nil {
			t.Fatal(err)
		}
		return act
	}
	post := func(act int64) (int, string) {
		return w.ask("POST", "/v1/jobs", fmt.Sprintf(`{"actid":%d,"appid":"wxrobbed"}`, act))
	}
	status, text := post(channel())
	var job struct{ ID string }
	if err := json.Unmarshal([]byte(text), &job); err != nil || status != 202 {
		t.Fatal(status, text, err)
	}
	all, before := store.Rights(), "" // the right that was given back last
	for _, table := range slices.Sorted(maps.Keys(all)) {
		for _, verb := range all[table] {
			fresh, right := channel(), verb+" on "+table
			w.exec("REVOKE " + verb + " ON " + w.name + "." + table + " FROM pushd@localhost")
			denied := false
			for _, call := range []func() (int, string){
				func() (int, string) { return post(fresh) },
				func() (int, string) { return w.ask("GET", "/v1/jobs", "") },
				func() (int, string) { return w.ask("GET", "/v1/jobs/"+job.ID, "") },
				func() (int, string) { return w.ask("GET", "/v1/jobs/"+job.ID+"/events", "") },
				func() (int, string) { return w.ask("GET", "/v1/jobs/"+job.ID+"/recipients/oA1", "") },
				func() (int, string) { return w.ask("POST", "/v1/jobs/"+job.ID+"/pause", "") },
				func() (int, string) { return w.ask("PATCH", "/v1/jobs/"+job.ID, `{"rate":7}`) },
				func() (int, string) { return w.ask("POST", "/v1/jobs/"+job.ID+"/resume", "") },
				func() (int, string) { return w.ask("PUT", "/v1/hold", `{"reason":"a test"}`) },
				func() (int, string) { return w.ask("DELETE", "/v1/hold", "") },
				func() (int, string) { return w.ask("GET", "/v1/accounts/wxrobbed/templates", "") },
			} {
				status, text := call()
				for end := time.Now().Add(40 * time.Second); status == 503 && before != "" && strings.Contains(text, before) && time.Now().Before(end); status, text = call() {
					time.Sleep(20 * time.Millisecond) // a call of the daemon's own was denied that one just before, and the daemon's loop has to look
				}
				if status >= 500 && (status != 503 || !strings.Contains(text, right)) {
					t.Errorf("without %s: %d %s", right, status, text)
				}
				denied = denied || status == 503
			}
			if denied {
				named[table] = true
				w.until(503, right)
			}
			w.exec("GRANT " + verb + " ON " + w.name + "." + table + " TO pushd@localhost")
			if denied {
				w.until(200, "")
				if status, text := post(fresh); status != 202 && status != 200 {
					t.Errorf("with %s again: %d %s", right, status, text)
				}
			}
			w.ask("DELETE", "/v1/hold", "")
			before = right
		}
	}
	for _, table := range []string{"pushd_account", "pushd_job", "pushd_event", "pushd_hold"} {
		if !named[table] {
			t.Errorf("nothing was refused for lack of rights on %s", table)
		}
	}
	w.exec("REVOKE DELETE ON " + w.name + ".pushd_receipt_page FROM pushd@localhost") // which no call needs
	if err := w.StopDaemon(); err != nil {
		t.Fatal(err)
	}
	if err := w.StartDaemon(t.Context()); err != nil {
		t.Fatal(err)
	}
	w.until(503, "DELETE on pushd_receipt_page")
	if status, text := post(channel()); status != 202 {
		t.Errorf("without a right that no job needs: %d %s", status, text)
	}
}
