package settings_test

import (
	"log/slog"
	"os"
	"testing"
	"time"

	"pushd/internal/mariadb"
	"pushd/internal/platform"
	"pushd/internal/settings"
	"pushd/internal/store"
)

// ownQueries are channel queries that MySQL takes, as people write them. The
// tables are those of deploy/schema.sql.
func ownQueries() []string {
	const columns = `id AS act_id, NULL AS uin, NULL AS appid, title, start_time, NULL AS watch_url, NULL AS template_id,
NULL AS config_enabled, NULL AS live_notify, NULL AS live_notify_time, NULL AS live_notify_status`
	const plain = "SELECT " + columns + " FROM activity WHERE id = ?"
	return []string{
		plain, plain + ";", plain + " ; \n", plain + "; -- done", plain + "; # done", plain + " /* end? */", plain + "\n-- which one?\n",
		"/* which channel? */ " + plain, "-- pushd's, what else?\n" + plain, "# it's ours; mind\n" + plain, "\n\t" + plain, "/* a /* b */" + plain, "/**/" + plain,
		"select" + plain[6:], "(" + plain + ")", "WITH a AS (SELECT * FROM activity) SELECT " + columns + " FROM a WHERE id = ?",
		"with recursive a (id, title, start_time) as (select id, title, start_time from activity) select " + columns + " from a where id = ?",
		"SELECT /*+ MAX_EXECUTION_TIME(1000) */ " + columns + " FROM activity WHERE id = ?",
		"SELECT /*! SQL_NO_CACHE */ " + columns + " FROM activity WHERE /*!50000 id = ? */",
		"SELECT " + columns + " FROM activity WHERE id = ? AND title <> 'it''s a ? ; -- no'", `SELECT ` + columns + ` FROM activity WHERE id = ? AND title <> 'it\'s ?; /*'`,
		`SELECT ` + columns + ` FROM activity WHERE id = ? AND title <> "what's ?"`, "SELECT " + columns + ", 1 AS `odd?;'` FROM activity WHERE id = ?",
		"SELECT " + columns + " /* the owner's ? */ FROM activity /* it's; */ WHERE id = ?", "SELECT " + columns + ", 5--1 AS n FROM activity WHERE id = ?",
		"SELECT " + columns + " FROM activity -- don't\nWHERE id = ?", "SELECT " + columns + " FROM activity #\nWHERE id = ?",
	}
}

// What MySQL takes starts pushd, and reads the channel.
func TestValidateSQL_TakesWhatMySQLTakes(t *testing.T) {
	server, err := mariadb.Start(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { server.Stop() })
	schema, err := os.ReadFile("../../deploy/schema.sql")
	if err != nil {
		t.Fatal(err)
	}
	for _, text := range []string{"CREATE DATABASE p", string(schema), "INSERT INTO activity (id, uin, title, start_time) VALUES (42, 7, 'x', 1900000000)",
		"INSERT INTO activity_detail (id, act_id) VALUES (1, 42)"} {
		db := "p"
		if text == "CREATE DATABASE p" {
			db = ""
		}
		if err := server.Exec(t.Context(), db, text); err != nil {
			t.Fatal(err)
		}
	}
	for _, query := range ownQueries() {
		p := &settings.Problems{}
		settings.ValidateSQL("PUSHD_CHANNEL_QUERY", "SELECT", query, 1, p)
		if p.Err() != nil {
			t.Errorf("%s: %v", query, p.Err())
		}
		if title := readTitle(t, server, query); title != "x" {
			t.Errorf("%s: read %q", query, title)
		}
	}
	db, err := store.MySQL().Open(server.DSN("p"), nil, time.UTC, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	for _, update := range []string{
		"UPDATE activity_detail SET live_notify_status = ? WHERE act_id = ?;", "/* pushd's */ UPDATE activity_detail SET live_notify_status = ? WHERE act_id = ?; -- isn't it?",
		"UPDATE activity_detail /* which? */ SET live_notify_status = ? -- it's 3\n WHERE act_id = ?",
	} {
		p := &settings.Problems{}
		settings.ValidateSQL("PUSHD_STATUS_UPDATE", "UPDATE", update, 2, p)
		if p.Err() != nil {
			t.Errorf("%s: %v", update, p.Err())
		}
		if _, err := db.ExecContext(t.Context(), settings.WithoutTail(update), 1, 42); err != nil {
			t.Errorf("%s: %v", update, err)
		}
	}
}

func TestValidateSQL_Refuses(t *testing.T) {
	for sql, want := range map[string]string{
		"SELECT 1":                          "has 0 question marks outside quotes and comments; allowed: 1",
		"SELECT '?' /* ? */ -- ?":           "has 0 question marks outside quotes and comments; allowed: 1",
		"SELECT ? + ?":                      "has 2 question marks outside quotes and comments; allowed: 1",
		"SELECT ?; DROP TABLE a":            "holds more than one statement",
		"SELECT ? -- x\n; SELECT 1":         "holds more than one statement",
		"SELECT ?; /*! DROP TABLE a */":     "holds more than one statement",
		"UPDATE a SET b = ?":                "does not start with SELECT",
		"/* SELECT */ DELETE FROM a = ?":    "does not start with SELECT",
		"WITH a AS (SELECT 1) DELETE a = ?": "does not start with SELECT",
		"SELECTED ?":                        "does not start with SELECT",
		"-- SELECT ?":                       "does not start with SELECT",
		"SELECT 'its ?":                     "has a quote that is not closed",
		"SELECT `a ?":                       "has a quote that is not closed",
		`SELECT "a\" ?`:                     "has a quote that is not closed",
		"SELECT ? /* until":                 "has a comment that is not closed",
	} {
		p := &settings.Problems{}
		settings.ValidateSQL("X", "SELECT", sql, 1, p)
		if p.Texts["X"] != want {
			t.Errorf("%s: %q, want %s", sql, p.Texts["X"], want)
		}
	}
}

func readTitle(t *testing.T, server *mariadb.Server, query string) string {
	t.Helper()
	s, err := store.Open(t.Context(), store.Options{DSN: server.DSN("p"), Queries: platform.Queries{ChannelQuery: settings.WithoutTail(query)}, MaxConns: 2, Logger: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	ch, err := s.Channel(t.Context(), 42)
	if err != nil {
		t.Errorf("%s: %v", query, err)
	}
	return ch.Title
}
