package wechatsim

import (
	"encoding/json"
	"time"
)

// userInfo is what WeChat says of one follower. Since December 2021 it gives no
// names, places or pictures any more: the fields are there and empty.
type userInfo struct {
	Subscribe int     `json:"subscribe"`
	OpenID    string  `json:"openid"`
	Language  *string `json:"language,omitempty"`
	Nickname  *string `json:"nickname,omitempty"`
	HeadImg   *string `json:"headimgurl,omitempty"`
	Since     int64   `json:"subscribe_time,omitempty"`
	Remark    *string `json:"remark,omitempty"`
	GroupID   *int    `json:"groupid,omitempty"`
	Tags      []int   `json:"tagid_list"`
	Scene     string  `json:"subscribe_scene,omitempty"`
}

// maxInfos is how many openids user/info/batchget takes.
const maxInfos = 100

// info is what user/info says of a follower; false if the openid is that of
// no one who ever followed.
func (a *Account) info(openid, lang string) (userInfo, bool) {
	i, ok := a.followers.index([]byte(openid))
	if !ok {
		return userInfo{}, false
	}
	u := userInfo{OpenID: openid, Tags: []int{}}
	if a.followers.gone(i) || a.followers.code(i) == 43004 {
		return u, true
	}
	if lang == "" {
		lang = "zh_CN"
	}
	empty, group := "", 0
	u.Subscribe, u.Language, u.Nickname, u.HeadImg, u.Remark, u.GroupID = 1, &lang, &empty, &empty, &empty, &group
	u.Since = a.sim.start.Add(-time.Duration(1+mix(a.key, uint64(i), 21)%(365*24)) * time.Hour).Unix()
	u.Tags = a.tagsOf(i)
	u.Scene = "ADD_SCENE_QR_CODE"
	return u, true
}

// infoCall answers GET user/info.
func (s *Sim) infoCall(c *call) reply {
	q := c.r.URL.Query()
	u, ok := c.account.info(q.Get("openid"), q.Get("lang"))
	if !ok {
		return reply{code: 40003}
	}
	return encoded(u)
}

// infosCall answers POST user/info/batchget.
func (s *Sim) infosCall(c *call) reply {
	var in struct {
		List []struct {
			OpenID string `json:"openid"`
			Lang   string `json:"lang"`
		} `json:"user_list"`
	}
	if json.Unmarshal(c.body, &in) != nil || len(in.List) == 0 {
		return reply{code: 47001}
	}
	if len(in.List) > maxInfos {
		return reply{code: 40003, text: "invalid openid list size, 100 at most"}
	}
	list := make([]userInfo, 0, len(in.List))
	for _, ask := range in.List {
		u, ok := c.account.info(ask.OpenID, ask.Lang)
		if !ok {
			return reply{code: 40003}
		}
		list = append(list, u)
	}
	return encoded(map[string]any{"user_info_list": list})
}

// encoded is an answer without an errcode, as WeChat gives where all is well.
func encoded(v any) reply {
	body, err := json.Marshal(v)
	if err != nil {
		return reply{code: -1}
	}
	return reply{body: body}
}
