package host_test

import (
	"testing"
	"time"

	"pushd/internal/wechatsim"
)

// version is what a page that was opened now would send along.
func (b *browser) version(path string) string {
	b.t.Helper()
	var got struct{ Version string }
	b.api(path, nil).into(b.t, &got)
	if got.Version == "" {
		b.t.Fatalf("%s has no version", path)
	}
	return got.Version
}

// A page that was opened before another one saved undoes nothing: neither a start
// nor a stop. What it does not mention stays.
func TestStale_Channel(t *testing.T) {
	s := world(t)
	s.enable(alice, "wxalice")
	a := s.login(alice)
	old := a.version("/channels/11")
	later := time.Now().Add(5 * time.Hour).Truncate(time.Minute)
	if got := a.api("/channels/11", map[string]any{"start_time": later.Unix(), "version": old}); got.status != 200 {
		t.Fatal(got.text)
	}
	s.exec("UPDATE activity_detail SET live_notify_status = 2 WHERE act_id = 11")
	if got := a.version("/channels/11"); got == old {
		t.Error("a moved start has the same version")
	}
	got := a.api("/channels/11", map[string]any{"title": "renamed", "version": old})
	if got.status != 409 || got.Code != "changed_elsewhere" {
		t.Errorf("a stale page: %d %s", got.status, got.text)
	}
	fresh := a.version("/channels/11")
	if got := a.api("/channels/11", map[string]any{"title": "renamed", "version": fresh}); got.status != 200 {
		t.Errorf("a fresh page: %d %s", got.status, got.text)
	}
	if n := s.number("SELECT COUNT(*) FROM activity JOIN activity_detail ON act_id = activity.id WHERE activity.id = 11 AND title = 'renamed' AND start_time = ? AND live_notify_status = 2", later.Unix()); n != 1 {
		t.Error("the title's save moved the start or asked for another reminder")
	}
	// pushd's own column is no change of an owner's.
	fresh = a.version("/channels/11")
	s.exec("UPDATE activity_detail SET live_notify_status = 3 WHERE act_id = 11")
	if got := a.version("/channels/11"); got != fresh {
		t.Error("pushd's status changes the version")
	}
	// To stop is in time whatever else has changed.
	if got := a.api("/channels/11", map[string]any{"live_notify": false, "version": old}); got.status != 200 {
		t.Errorf("a stop: %d %s", got.status, got.text)
	}
	if got := a.api("/channels/11", map[string]any{"live_notify": true, "version": old}); got.status != 409 {
		t.Errorf("a stale start: %d %s", got.status, got.text)
	}
	if got := a.api("/channels/11", map[string]any{"title": "once more", "version": a.version("/channels/11")}); got.status != 200 || s.number("SELECT live_notify FROM activity_detail WHERE act_id = 11") != 0 {
		t.Errorf("a save switched the reminder on: %d %s", got.status, got.text)
	}
}

// The choice of a template switches nothing on; a switch that is off stays off
// whatever an older page saves.
func TestStale_Settings(t *testing.T) {
	s := world(t)
	s.enable(alice, "wxalice")
	a := s.login(alice)
	template := wechatsim.TemplateID("wxalice", 1)
	enabled := func() int64 { return s.number("SELECT status FROM user_wx_config WHERE uin = ?", alice) }
	old := a.version("/settings")
	if got := a.api("/settings", map[string]any{"templateId": template, "version": old}); got.status != 200 || enabled() != 1 {
		t.Errorf("a save switched it off: %d %s", got.status, got.text)
	}
	if got := a.api("/settings", map[string]any{"enabled": false}); got.status != 200 || enabled() != 0 {
		t.Fatalf("off: %d %s", got.status, got.text)
	}
	for _, body := range []map[string]any{
		{"templateId": template, "version": old},
		{"templateId": template, "enabled": true, "version": old},
		{"enabled": true, "version": old},
	} {
		if got := a.api("/settings", body); got.status != 409 || got.Code != "changed_elsewhere" || enabled() != 0 {
			t.Errorf("%v: %d %s", body, got.status, got.text)
		}
	}
	if got := a.api("/settings", map[string]any{"templateId": template}); got.status != 200 || enabled() != 0 {
		t.Errorf("a save switched it on: %d %s", got.status, got.text)
	}
	if got := a.api("/settings", map[string]any{"enabled": false, "version": old}); got.status != 200 {
		t.Errorf("a stop from a stale page: %d %s", got.status, got.text)
	}
}

// Texts that another page has saved are not overwritten unseen.
func TestStale_Template(t *testing.T) {
	s := world(t)
	a := s.login(alice)
	path := "/templates/" + wechatsim.TemplateID("wxalice", 1)
	texts := func(thing, version string) map[string]any {
		body := map[string]any{"fields": map[string]any{"thing1": thing, "time2": "{{startTime}}"}, "url": "{{url}}"}
		if version != "" {
			body["version"] = version
		}
		return body
	}
	old := a.version(path)
	if got := a.api(path, texts("first", old)); got.status != 200 {
		t.Fatal(got.text)
	}
	if got := a.api(path, texts("second", old)); got.status != 409 || got.Code != "changed_elsewhere" {
		t.Errorf("a stale page: %d %s", got.status, got.text)
	}
	if got := a.api(path, texts("third", a.version(path))); got.status != 200 {
		t.Errorf("a fresh page: %d %s", got.status, got.text)
	}
}
