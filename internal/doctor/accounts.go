package doctor

import (
	"context"
	"database/sql"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"
)

// accountTable is where deploy/schema.sql says whose an account is. A platform
// with a PUSHD_CHANNEL_QUERY of its own may have another.
const accountTable = "user_wx_account"

// holdersShown is how many findings of one kind are named one by one.
const holdersShown = 20

// holder is a row of accountTable: an owner, and the appid as it is stored.
type holder struct{ uin, appID string }

// account is what two spellings of one appid have in common: case, width and
// blanks make no other account.
func (h holder) account() string { return strings.ToLower(narrow(strings.TrimSpace(h.appID))) }

// narrow writes full-width letters, digits and signs as ASCII.
func narrow(text string) string {
	return strings.Map(func(r rune) rune {
		if r >= '！' && r <= '～' {
			return r - '！' + '!'
		}
		return r
	}, text)
}

// checkAccounts looks for appids that several owners hold. A channel's reminder
// goes to the followers of its owner's account, so whoever holds another's
// appid writes to another's followers.
func checkAccounts(ctx context.Context, r *report, db *sql.DB) {
	empty, err := emptyAppID(ctx, db)
	if err == nil && empty == "" {
		return // no such table, or none that pushd may look at
	}
	var all []holder
	if err == nil {
		all, err = holders(ctx, db)
	}
	if err != nil {
		r.warn("accounts", "not looked at: %v", err)
		return
	}
	showTwins(r, all, empty)
	showSpellings(r, all, empty)
	if !r.failedAbout("accounts") {
		checkOneOwner(ctx, r, db)
	}
}

// emptyAppID is how an owner without an account is written, ” or NULL; "" if
// there is no table to look at.
func emptyAppID(ctx context.Context, db *sql.DB) (string, error) {
	var columns int
	var nullable sql.NullString
	err := db.QueryRowContext(ctx, `
SELECT COUNT(*), MAX(CASE WHEN COLUMN_NAME = 'appid' THEN IS_NULLABLE END)
FROM information_schema.COLUMNS
WHERE TABLE_SCHEMA = DATABASE() AND TABLE_NAME = ? AND COLUMN_NAME IN ('uin', 'appid')`, accountTable).Scan(&columns, &nullable)
	switch {
	case err != nil || columns < 2:
		return "", err
	case nullable.String == "YES":
		return "NULL", nil
	}
	return "''", nil
}

// holders reads who holds which appid.
func holders(ctx context.Context, db *sql.DB) ([]holder, error) {
	rows, err := db.QueryContext(ctx, "SELECT uin, appid FROM "+accountTable+" ORDER BY uin")
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	var all []holder
	for rows.Next() {
		var uin, appID sql.NullString
		if err := rows.Scan(&uin, &appID); err != nil {
			return nil, err
		}
		if h := (holder{uin.String, appID.String}); h.account() != "" {
			all = append(all, h)
		}
	}
	return all, rows.Err()
}

// showTwins names the appids of which an account has more than one owner, or
// one owner several spellings.
func showTwins(r *report, all []holder, empty string) {
	owners := map[string][]holder{}
	for _, h := range all {
		owners[h.account()] = append(owners[h.account()], h)
	}
	maps.DeleteFunc(owners, func(_ string, h []holder) bool {
		return !slices.ContainsFunc(h, func(other holder) bool { return other != h[0] })
	})
	for n, account := range slices.Sorted(maps.Keys(owners)) {
		if n == holdersShown {
			r.fail("accounts", "%d more appids are held more than once", len(owners)-n)
			break
		}
		var who, uins []string
		for _, h := range owners[account] {
			who = append(who, fmt.Sprintf("uin %s as %q", h.uin, h.appID))
			uins = append(uins, literal(h.uin))
		}
		r.fail("accounts", "appid %s is held by %s; an account has one owner: find out whose it is, and take it from the others: "+
			"UPDATE %s SET appid = %s WHERE uin IN (%s) AND uin <> the owner's", account, strings.Join(who, ", "), accountTable, empty, strings.Join(uins, ", "))
	}
}

// appIDShape is what PHP takes for an appid.
var appIDShape = regexp.MustCompile(`^[A-Za-z0-9_-]{1,64}$`)

// showSpellings names the rows that hold an appid in a spelling by which it
// isn't found.
func showSpellings(r *report, all []holder, empty string) {
	odd := slices.DeleteFunc(slices.Clone(all), func(h holder) bool { return appIDShape.MatchString(h.appID) })
	for n, h := range odd {
		if n == holdersShown {
			r.warn("accounts", "%d more owners hold what is no appid", len(odd)-n)
			break
		}
		if trimmed := strings.TrimSpace(h.appID); appIDShape.MatchString(trimmed) {
			r.warn("accounts", "uin %s holds %q, with blanks: UPDATE %s SET appid = '%s' WHERE uin = %s", h.uin, h.appID, accountTable, trimmed, literal(h.uin))
			continue
		}
		r.warn("accounts", "uin %s holds %q, which is no appid; the owner must enter it again: UPDATE %s SET appid = %s WHERE uin = %s",
			h.uin, h.appID, accountTable, empty, literal(h.uin))
	}
}

// checkOneOwner looks whether the table keeps an appid to one owner.
func checkOneOwner(ctx context.Context, r *report, db *sql.DB) {
	var unique int
	err := db.QueryRowContext(ctx, uniqueQuery, nil, accountTable, "appid").Scan(&unique)
	switch {
	case err != nil:
		r.warn("accounts", "keys of %s not known: %v", accountTable, err)
	case unique == 0:
		r.warn("accounts", "each appid has one owner, but nothing keeps it so: ALTER TABLE %s ADD UNIQUE (appid); see \"The account page\" in docs/host.md", accountTable)
	default:
		r.ok("accounts", "each appid has one owner")
	}
}

// literal writes an owner's number, or whatever it is, for SQL.
func literal(uin string) string {
	if uin != "" && strings.Trim(uin, "0123456789") == "" {
		return uin
	}
	return "'" + strings.NewReplacer(`\`, `\\`, `'`, `''`).Replace(uin) + "'"
}
