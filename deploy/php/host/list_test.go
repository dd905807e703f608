package host_test

import (
	"fmt"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"
)

// Of 500 channels the nearest is the first, each is found by paging or by its
// title, and forms choose among those that matter.
func TestList_ManyChannels(t *testing.T) {
	s := newSite(t, 1)
	now := time.Now()
	for i := range 500 {
		start := now.Add(time.Duration(i-250) * 36 * time.Hour).Add(time.Hour)
		s.channel(1000+i, alice, fmt.Sprintf("第 %d 课", i), start, 0)
	}
	s.channel(2000, alice, "正在直播", now.Add(-time.Hour), 2)
	s.channel(2001, alice, "100%_折扣", now.Add(-90*24*time.Hour), 2)
	a := s.login(alice)
	link := regexp.MustCompile(`<a class="grow" href="/channels/(\d+)">`)
	ids := func(path string) (all []string) {
		for _, m := range link.FindAllStringSubmatch(a.page(path).text, -1) {
			all = append(all, m[1])
		}
		return all
	}
	first := ids("/channels")
	if len(first) != 21 || first[0] != "2000" || first[1] != "1250" || first[2] != "1251" {
		t.Errorf("first page: %v", first)
	}
	var walked []string
	for page := 1; page < 20; page++ {
		got := ids(fmt.Sprint("/channels?group=next&page=", page))
		if walked = append(walked, got...); len(got) < 20 {
			break
		}
	}
	if len(walked) != 250 || !slices.IsSorted(walked) {
		t.Errorf("%d channels to come", len(walked))
	}
	if got := ids("/channels?group=past"); len(got) != 20 || got[0] != "1249" {
		t.Errorf("past: %v", got)
	}
	for search, want := range map[string]string{"第 7 课": "1007", "100%_": "2001", "正在": "2000"} {
		if got := ids("/channels?q=" + url.QueryEscape(search)); len(got) != 1 || got[0] != want {
			t.Errorf("%s: %v", search, got)
		}
	}
	if got := ids("/channels?q=%25"); len(got) != 1 {
		t.Errorf("a %% is a %%: %v", got)
	}
	if got := a.page("/channels?q=nothing"); !strings.Contains(got.text, "没有找到") {
		t.Error("an empty search says nothing")
	}
	page := a.page("/settings").text
	options := regexp.MustCompile(`<option value="(\d+)">`).FindAllStringSubmatch(page, -1)
	if len(options) < 50 || options[0][1] != "1250" || !strings.Contains(page, now.Add(time.Hour).In(shanghai).Format("2006-01-02")) {
		t.Errorf("%d options, first %v", len(options), options[:1])
	}
	var list struct {
		Items []struct{ ID int }
		More  bool
	}
	a.api("/channels?group=next&page=2", nil).into(t, &list)
	if len(list.Items) != 20 || list.Items[0].ID != 1270 || !list.More {
		t.Errorf("%+v", list)
	}
	if got := a.api("/channels?group=all", nil); got.status != 422 {
		t.Errorf("%d", got.status)
	}
	if got := s.login(bob).page("/channels?q=" + "%25"); strings.Contains(got.text, "折扣") {
		t.Error("Bob finds Alice's channel")
	}
}

// A copy has the same texts, at the same time of the next week to come.
func TestList_Copy(t *testing.T) {
	s := newSite(t, 1)
	start := time.Now().Add(-10 * 24 * time.Hour).Truncate(time.Minute)
	s.channel(11, alice, "每周一课", start, 2)
	s.exec("UPDATE activity_detail SET content = '带上面粉', live_notify_time = 45, audience = 'tag:101' WHERE act_id = 11")
	a := s.login(alice)
	page := a.page("/channels/new?from=11").text
	for _, want := range []string{`value="每周一课"`, "带上面粉", `value="45"`, `data-audience="tag:101"`, `data-id="0"`, `value="` + start.Add(14*24*time.Hour).In(shanghai).Format("2006-01-02T15:04") + `"`} {
		if !strings.Contains(page, want) {
			t.Errorf("the copy lacks %s", want)
		}
	}
	if strings.Contains(page, public+"/watch/11") {
		t.Error("the copy leads to the old channel's page")
	}
	if got := s.login(bob).page("/channels/new?from=11"); got.status != 404 {
		t.Errorf("Bob copies Alice's: %d", got.status)
	}
}

// A reminder that should have left is red in the list, too.
func TestList_Late(t *testing.T) {
	s := newSite(t, 1)
	s.enable(alice, "wxalice")
	s.channel(11, alice, "evening", time.Now().Add(5*time.Minute), 0)
	if got := s.login(alice).page("/channels").text; !strings.Contains(got, `<span class="badge bad">未按时发送</span>`) {
		t.Error("a dead cron is not to be seen in the list")
	}
}
