package mysqlconn

import (
	"errors"
	"fmt"
	"testing"

	"github.com/go-sql-driver/mysql"
)

// What is missing is said without the user, by what servers of all ages answer.
func TestDenied(t *testing.T) {
	for text, c := range map[string]struct {
		number uint16
		want   string
	}{
		"INSERT command denied to user 'pushd'@'localhost' for table `live`.`pushd_account`":      {1142, "INSERT on pushd_account"},
		"INSERT command denied to user 'pushd'@'localhost' for table 'pushd_account'":             {1142, "INSERT on pushd_account"},
		"SELECT command denied to user 'p'@'10.%' for column 'appid' in table 'pushd_account'":    {1143, "SELECT on pushd_account"},
		"SELECT, INSERT command denied to user 'pushd'@'localhost' for table 'pushd_job'":         {1142, "SELECT, INSERT on pushd_job"},
		"UPDATE command denied to user 'pushd'@'localhost' for table `live`.`activity_detail`":    {1142, ""},
		"INSERT command denied to user 'pushd'@'localhost' for table `live`.`pushd_account` else": {1064, ""},
	} {
		err := fmt.Errorf("create job: %w", &mysql.MySQLError{Number: c.number, Message: text})
		if got := Denied(err, "pushd_"); got != c.want {
			t.Errorf("%s: %q", text, got)
		}
	}
	if got := Denied(errors.New("INSERT command denied to user 'a' for table 'pushd_job'"), "pushd_"); got != "" {
		t.Errorf("no answer of a server: %q", got)
	}
}
