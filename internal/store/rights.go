package store

import (
	"context"
	"slices"
	"strings"
	"time"
)

// Rights are pushd's tables, with what the daemon does to each.
func Rights() map[string][]string {
	return map[string][]string{
		"pushd_job":          {"SELECT", "INSERT", "UPDATE", "DELETE"},
		"pushd_page":         {"SELECT", "INSERT", "DELETE"},
		"pushd_progress":     {"SELECT", "INSERT", "UPDATE", "DELETE"},
		"pushd_template":     {"SELECT", "INSERT", "UPDATE", "DELETE"},
		"pushd_message":      {"SELECT", "INSERT", "UPDATE", "DELETE"},
		"pushd_install":      {"SELECT", "INSERT", "UPDATE"},
		"pushd_hold":         {"SELECT", "INSERT", "UPDATE", "DELETE"},
		"pushd_account":      {"SELECT", "INSERT", "UPDATE"},
		"pushd_refusal":      {"SELECT", "INSERT", "DELETE"},
		"pushd_event":        {"SELECT", "INSERT", "UPDATE", "DELETE"},
		"pushd_alarm":        {"SELECT", "INSERT", "UPDATE", "DELETE"},
		"pushd_receipt":      {"SELECT", "INSERT", "UPDATE", "DELETE"},
		"pushd_receipt_page": {"SELECT", "INSERT", "UPDATE", "DELETE"},
	}
}

// Attempt tries a right on a table: a statement that touches no row, for the
// server judges rights before it looks for rows. column is any of the table's.
func Attempt(verb, table, column string) string {
	switch verb {
	case "SELECT":
		return "SELECT 1 FROM " + table + " WHERE 1 = 0"
	case "INSERT":
		return "INSERT INTO " + table + " SELECT * FROM " + table + " WHERE 1 = 0"
	case "UPDATE":
		return "UPDATE " + table + " SET " + column + " = " + column + " WHERE 1 = 0"
	default:
		return "DELETE FROM " + table + " WHERE 1 = 0"
	}
}

// Denied says which right on one of pushd's tables the database's user lacks, and what
// to do; "" if that is not what err is about.
func (s *Store) Denied(err error) string {
	if err == nil || s.d.Denied == nil {
		return ""
	}
	if right := s.d.Denied(err); right != "" {
		return Lacks(right)
	}
	return ""
}

// Lacks says that the database's user lacks rights, and what to do; "" for none.
func Lacks(rights ...string) string {
	if len(rights) == 0 {
		return ""
	}
	return "the database's user lacks " + strings.Join(rights, ", ") + "; give it the rights of docs/operations.md"
}

// vital are the tables without which no job is taken or sent, each with one of its
// columns. To remove old rows is not vital.
func vital() map[string]string {
	return map[string]string{
		"pushd_job": "id", "pushd_page": "job_id", "pushd_progress": "job_id", "pushd_message": "job_id", "pushd_install": "id",
		"pushd_hold": "scope", "pushd_account": "appid", "pushd_refusal": "appid", "pushd_event": "id",
	}
}

// others are the other tables.
func others() map[string]string {
	return map[string]string{"pushd_template": "appid", "pushd_alarm": "alarm_key", "pushd_receipt": "job_id", "pushd_receipt_page": "job_id"}
}

// Lacking says which rights the database's user lacks: those without which no job is
// taken or sent, and the rest. The error says that not all could be tried: a database
// that is away, or takes no writes now, says nothing of rights. It tries some fifty
// statements, which a server that writes statements to its binary log may write down; so
// while all is well it is not for every few seconds.
func (s *Store) Lacking(ctx context.Context) (needed, rest []string, err error) {
	if s.d.Denied == nil {
		return nil, nil, nil
	}
	ctx, cancel := context.WithTimeout(ctx, lookFor)
	defer cancel()
	for table, verbs := range Rights() {
		column, needs := vital()[table]
		if !needs {
			column = others()[table]
		}
		for _, verb := range verbs {
			_, err := s.db.ExecContext(ctx, Attempt(verb, table, column))
			var what string
			switch {
			case err == nil:
				continue
			case s.d.NoTable(err):
				what = "the table " + table
			case s.d.Denied(err) == "":
				return nil, nil, wrap(err, "try %s on %s", verb, table)
			default:
				what = s.d.Denied(err)
			}
			if needs && verb != "DELETE" {
				needed = append(needed, what)
			} else {
				rest = append(rest, what)
			}
		}
	}
	return sorted(needed), sorted(rest), nil
}

// sorted has each once.
func sorted(all []string) []string {
	slices.Sort(all)
	return slices.Compact(all)
}

// lookFor is how long a look at the rights may take: an ALTER TABLE lets none be tried,
// and a database that is far away takes its time for each.
const lookFor = 10 * time.Second
