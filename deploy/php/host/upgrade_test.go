package host_test

import "testing"

// A host whose tables are older than its files says that it is being upgraded, and
// not that the database is busy.
func TestUpgrade_OldTables(t *testing.T) {
	s := world(t)
	s.enable(alice, "wxalice")
	s.exec("ALTER TABLE host_qrcode DROP COLUMN retry_at")
	if got := s.browser().api("/watch/11/qrcode", nil); got.status != 503 || got.Code != "schema" {
		t.Errorf("%d %s", got.status, got.text)
	}
	s.exec("DROP TABLE host_qrcode")
	if got := s.browser().api("/watch/11/qrcode", nil); got.status != 503 || got.Code != "schema" {
		t.Errorf("%d %s", got.status, got.text)
	}
}
