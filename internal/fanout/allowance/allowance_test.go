package allowance

import (
	"testing"

	"pushd"
)

func page(mark int, people ...pushd.Person) pushd.Progress {
	return pushd.Progress{People: len(people), Mark: mark, Outcomes: pushd.EncodePersons(nil, people)}
}

func TestAllowance(t *testing.T) {
	sent, untouched := pushd.Person{State: pushd.PersonSent}, pushd.Person{}
	unasked := pushd.Person{State: pushd.PersonSkipped, Code: pushd.CodeNotOnList}
	for name, c := range map[string]struct {
		job    pushd.Job
		before int
		pages  []pushd.Progress
		want   int // recipients who may follow, of ten
	}{
		"none":                         {want: 10},
		"a person has said yes":        {job: pushd.Job{First: 3, FirstPassed: true}, want: 10},
		"nobody yet":                   {job: pushd.Job{First: 3}, pages: []pushd.Progress{page(0, untouched, untouched)}, want: 3},
		"behind the watermark":         {job: pushd.Job{First: 3}, pages: []pushd.Progress{page(2, untouched, untouched, untouched)}, want: 1},
		"settled":                      {job: pushd.Job{First: 3}, pages: []pushd.Progress{page(1, sent, untouched)}, want: 2},
		"refused by WeChat, put off":   {job: pushd.Job{First: 3}, pages: []pushd.Progress{page(0, pushd.Person{State: pushd.PersonSkipped, Code: 43101}, pushd.Person{State: pushd.Refused, Code: 43117})}, want: 1},
		"skipped without being asked":  {job: pushd.Job{First: 3}, pages: []pushd.Progress{page(1, unasked, unasked, sent)}, want: 2},
		"over several pages":           {job: pushd.Job{First: 3}, pages: []pushd.Progress{page(1, sent), page(1, sent), page(1, sent)}},
		"more than that, after a list": {job: pushd.Job{First: 3}, before: 4, pages: []pushd.Progress{page(0, untouched)}},
	} {
		a := Of(&c.job, c.before)
		for _, p := range c.pages {
			if err := a.Page(p); err != nil {
				t.Fatal(name, err)
			}
		}
		got := 0
		for range 10 {
			if a.Take() {
				got++
			}
		}
		if got != c.want || a.Reached() != (c.want < 10) {
			t.Errorf("%s: %d may follow, reached %v; want %d", name, got, a.Reached(), c.want)
		}
	}
	a := Of(&pushd.Job{First: 1}, 0)
	if a.Reached() || !a.Take() || a.Reached() {
		t.Error("reached although nobody was left out")
	}
	if err := a.Page(pushd.Progress{People: 1, Outcomes: []byte{0xff}}); err == nil {
		t.Error("damaged outcomes are taken")
	}
}
