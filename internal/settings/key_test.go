package settings

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"pushd"
)

const aKey, bKey, cKey, dKey = "0123456789abcdef", "a-key:with-a-colon-inside", "abcdef9876543210", "read0123456789ab"

func TestSettings_Keys(t *testing.T) {
	s := Settings{APIKey: Secret("cron:" + aKey + ", ops:" + bKey + "," + cKey + ","), ReadKey: Secret("screen:" + dKey + "," + aKey)}
	want := []pushd.Key{
		{Name: "cron", Secret: aKey}, {Name: "ops", Secret: bKey}, {Name: "key3", Secret: cKey},
		{Name: "screen", Secret: dKey, ReadOnly: true}, {Name: "read2", Secret: aKey, ReadOnly: true},
	}
	if got := s.Keys(); !slices.Equal(got, want) {
		t.Errorf("got %#v", got)
	}
	if shown := fmt.Sprintf("%v %+v %#v %s", s.Keys(), want[0], want[1], want[2]); strings.Contains(shown, aKey) || strings.Contains(shown, bKey) || !strings.Contains(shown, "cron") {
		t.Errorf("keys print as %s", shown)
	}
	if first := (Remote{Key: Secret(" ops:" + bKey + "," + aKey)}).FirstKey(); first != bKey {
		t.Errorf("the first is %q", first)
	}
	if first := (Remote{}).FirstKey(); first != "" {
		t.Errorf("the first of none is %q", first)
	}
}

func TestSettings_KeysBad(t *testing.T) {
	for _, c := range []struct{ api, read, want string }{
		{"cron:short", "", "PUSHD_API_KEY: cron has 5 characters"},
		{aKey + ",short", "", "PUSHD_API_KEY: key 2 has 5 characters"},
		{aKey, "screen:", "PUSHD_READ_KEY: screen has 0 characters"},
		{"", dKey, "PUSHD_READ_KEY: is set without PUSHD_API_KEY"},
		{"cron:" + aKey, "screen:" + aKey, "PUSHD_READ_KEY: screen is the same as cron of PUSHD_API_KEY"},
		{aKey, ",", "PUSHD_READ_KEY: holds no key"},
	} {
		p := &Problems{}
		Settings{APIKey: Secret(c.api), ReadKey: Secret(c.read)}.validateKeys(p)
		if err := p.Err(); err == nil || !strings.Contains(err.Error(), c.want) || strings.Contains(err.Error(), aKey) {
			t.Errorf("%q, %q: %v; want %q", c.api, c.read, err, c.want)
		}
	}
	p := &Problems{}
	Settings{APIKey: Secret("cron:" + aKey), ReadKey: Secret(dKey)}.validateKeys(p)
	if err := p.Err(); err != nil {
		t.Error(err)
	}
}
