package ledgertest

import (
	"fmt"
	"strings"
	"time"
)

// History is a past for a MySQL or MariaDB with the tables of deploy/schema.sql:
// channels that were all told, each by one job.
type History struct {
	// Recent jobs ended in the last Within, evenly, and Old ones before that: one
	// a minute, and their pages are gone.
	Recent, Old int
	Within      time.Duration
	// From is the first channel's number less one, for a past of several parts.
	From int
}

// numbers gives 0 to 999,999 in the column n.
var numbers = func() string {
	const digits = `(SELECT 0 AS d UNION ALL SELECT 1 UNION ALL SELECT 2 UNION ALL SELECT 3 UNION ALL SELECT 4
   UNION ALL SELECT 5 UNION ALL SELECT 6 UNION ALL SELECT 7 UNION ALL SELECT 8 UNION ALL SELECT 9)`
	var sum, from []string
	for i, power := range []int{1, 10, 100, 1000, 10_000, 100_000} {
		sum = append(sum, fmt.Sprintf("d%d.d * %d", i, power))
		from = append(from, fmt.Sprintf("%s d%d", digits, i))
	}
	return "(SELECT " + strings.Join(sum, " + ") + " AS n FROM " + strings.Join(from, ", ") + ") numbers"
}()

// owners is how many owners the channels of a past have.
const owners = 1000

// SQL is the text that makes it; a million jobs at most.
func (h History) SQL() string {
	n := h.Recent + h.Old
	return fmt.Sprintf(`
INSERT IGNORE INTO user_wx_account (uin, appid)
SELECT n + 1, CONCAT('wxhistory', n + 1) FROM %[1]s WHERE n < %[2]d;
INSERT IGNORE INTO user_wx_config (uin, act_live_template_id, status)
SELECT n + 1, 'tpl1', 1 FROM %[1]s WHERE n < %[2]d;
INSERT INTO activity (id, uin, title, start_time, watch_url)
SELECT %[3]d + n + 1, n %% %[2]d + 1, 'Go 语言直播课', UNIX_TIMESTAMP(), CONCAT('https://live.example.com/watch/', n) FROM %[1]s WHERE n < %[4]d;
INSERT INTO activity_detail (act_id, live_notify, live_notify_status)
SELECT %[3]d + n + 1, 1, 2 FROM %[1]s WHERE n < %[4]d;
INSERT INTO pushd_job
  (id, msg_id, actid, appid, start_time, run, state, detail, asked, message, message_version, deadline, notified, created_at, started_at, finished_at,
   purged_at, kept, walk_pass, walk_pages, walk_walked, walk_complete, sent)
SELECT
  LEFT(MD5(CONCAT('job', %[3]d + n)), 20), LEFT(MD5(CONCAT('message', %[3]d + n)), 20), a.id, CONCAT('wxhistory', a.uin), a.start_time, 0, 'succeeded', '', '{}',
  '{"templateId":"tpl1","url":"https://live.example.com/watch/1","data":{"thing1":"Go 语言直播课","time2":"2026-11-26 20:00","thing3":"点击进入直播间","character_string4":"第一课"}}',
  1, at + 3600000000, 1, at - 120000000, at - 119000000, at, IF(n < %[5]d, 0, at + 604800000000), IF(n < %[5]d, 1, 0), 1, 1, 200, 1, 200
FROM (
  SELECT n, TIMESTAMPDIFF(MICROSECOND, '1970-01-01', UTC_TIMESTAMP(6))
    - IF(n < %[5]d, FLOOR((n + 0.5) * %[6]d / %[7]d), %[6]d + (n - %[5]d) * 60000000 + 691200000000) AS at
  FROM %[1]s WHERE n < %[4]d) times
JOIN activity a ON a.id = %[3]d + n + 1;
`, numbers, owners, h.From, n, h.Recent, h.Within.Microseconds(), max(h.Recent, 1))
}
