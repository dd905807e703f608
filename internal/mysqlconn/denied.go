package mysqlconn

import (
	"errors"
	"regexp"

	"github.com/go-sql-driver/mysql"
)

// Denied says which right on which of the tables of the prefix a statement lacks, such
// as "INSERT on pushd_account"; "" if that is not what err says.
func Denied(err error, prefix string) string {
	e, ok := errors.AsType[*mysql.MySQLError](err)
	if !ok || e.Number != 1142 && e.Number != 1143 { // of a table, of a column
		return ""
	}
	m := denial.FindStringSubmatch(e.Message)
	if m == nil || len(m[2]) < len(prefix) || m[2][:len(prefix)] != prefix {
		return ""
	}
	return m[1] + " on " + m[2]
}

// denial is what servers say of a missing right. Newer ones name the database as well,
// and quote by backticks.
var denial = regexp.MustCompile("^([A-Z]+(?:, ?[A-Z]+)*) command denied to user .* (?:for|in) table ['`](?:[^`]*`\\.`)?([^'`]+)['`]$")
