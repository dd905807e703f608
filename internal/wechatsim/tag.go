package wechatsim

import "encoding/json"

// Tag is a label that the account put on some of its followers.
type Tag struct {
	ID    int
	Name  string
	Share float64 // of the followers, drawn by the seed
}

// tagged says whether follower i carries a tag.
func (a *Account) tagged(i int, t Tag) bool {
	return unit(mix(a.key, uint64(i), uint64(t.ID), 22)) < t.Share
}

// tagsOf lists the tags of follower i.
func (a *Account) tagsOf(i int) []int {
	ids := []int{}
	for _, t := range a.tags {
		if a.tagged(i, t) {
			ids = append(ids, t.ID)
		}
	}
	return ids
}

// Tagged lists the followers that carry a tag, in the order of user/get.
func (a *Account) Tagged(id int) []string {
	var openids []string
	t, ok := a.tag(id)
	if !ok {
		return nil
	}
	a.followers.list(-1, func(i int) bool {
		if a.tagged(i, t) {
			openids = append(openids, a.followers.openID(i))
		}
		return true
	})
	return openids
}

func (a *Account) tag(id int) (Tag, bool) {
	for _, t := range a.tags {
		if t.ID == id {
			return t, true
		}
	}
	return Tag{}, false
}

// tagsCall answers GET tags/get.
func (s *Sim) tagsCall(c *call) reply {
	type listed struct {
		ID    int    `json:"id"`
		Name  string `json:"name"`
		Count int    `json:"count"`
	}
	list := []listed{}
	for _, t := range c.account.tags {
		list = append(list, listed{t.ID, t.Name, max(0, len(c.account.Tagged(t.ID))+c.account.Behaviour().TagOffset)})
	}
	return encoded(map[string]any{"tags": list})
}

// tagUsersCall answers POST user/tag/get: pages as those of user/get, but
// without a total. The faults of Walk are its own, too.
func (s *Sim) tagUsersCall(c *call) reply {
	var in struct {
		ID   int    `json:"tagid"`
		Next string `json:"next_openid"`
	}
	if json.Unmarshal(c.body, &in) != nil {
		return reply{code: 47001}
	}
	a := c.account
	b := a.Behaviour()
	if !a.quota.take(&a.quota.tagPages, b.TagPagesPerDay, c.now) {
		return reply{code: 45009}
	}
	t, ok := a.tag(in.ID)
	if !ok {
		return reply{code: 45159}
	}
	from := -1
	if in.Next != "" {
		if from, ok = a.followers.index([]byte(in.Next)); !ok {
			return reply{code: 40003}
		}
	}
	if from >= 0 && a.followers.gone(from) {
		switch b.Walk.Gone {
		case GoneError:
			return reply{code: 40003}
		case GoneEmpty:
			return reply{body: page{}.tagBody("")}
		}
	}
	return reply{body: a.walkOn(from, b.Walk, func(i int) bool { return a.tagged(i, t) }, page.tagBody)}
}
