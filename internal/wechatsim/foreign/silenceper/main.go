// Command silenceper does the task on its standard input with the SDK of that
// name, and prints what it understood. It is a module of its own, so that
// pushd does not depend on the SDK.
package main

import (
	"encoding/json"
	"fmt"
	"os"
	"strconv"
	"strings"
	"time"

	"github.com/silenceper/wechat/v2/cache"
	"github.com/silenceper/wechat/v2/credential"
	"github.com/silenceper/wechat/v2/officialaccount/basic"
	"github.com/silenceper/wechat/v2/officialaccount/config"
	"github.com/silenceper/wechat/v2/officialaccount/context"
	"github.com/silenceper/wechat/v2/officialaccount/message"
	"github.com/silenceper/wechat/v2/officialaccount/user"
	"github.com/silenceper/wechat/v2/util"
)

// task and result have the shapes of package foreign.
type task struct {
	URL, AppID, Secret, Template, Link, MsgID, Scene string
	To, Infos                                        []string
	Data                                             map[string]string
	Tag, Expire                                      int
}

type object = map[string]any

func main() {
	if err := run(); err != nil {
		fmt.Fprintln(os.Stderr, "silenceper:", err)
		os.Exit(1)
	}
}

func run() error {
	var t task
	if err := json.NewDecoder(os.Stdin).Decode(&t); err != nil {
		return err
	}
	util.SetURIModifier(func(uri string) string {
		return strings.Replace(uri, "https://api.weixin.qq.com", t.URL, 1)
	})
	handle := credential.NewDefaultAccessToken(t.AppID, t.Secret, "", cache.NewMemory())
	ctx := &context.Context{Config: &config.Config{AppID: t.AppID, AppSecret: t.Secret}, AccessTokenHandle: handle}
	out := object{}
	for _, step := range []func(*context.Context, task, object) error{token, list, templates, send, code, infos, tags, quota} {
		if err := step(ctx, t, out); err != nil {
			return err
		}
	}
	return json.NewEncoder(os.Stdout).Encode(out)
}

func token(ctx *context.Context, _ task, out object) (err error) {
	out["token"], err = ctx.GetAccessToken()
	return err
}

func list(ctx *context.Context, _ task, out object) error {
	u, all := user.NewUser(ctx), []string{}
	for next, pages := "", 1; ; pages++ {
		page, err := u.ListUserOpenIDs(next)
		if err != nil {
			return err
		}
		all = append(all, page.Data.OpenIDs...)
		out["followers"], out["pages"], out["total"] = all, pages, page.Total
		if next = page.NextOpenID; next == "" {
			return nil
		}
	}
}

func templates(ctx *context.Context, _ task, out object) error {
	all, err := message.NewTemplate(ctx).List()
	listed := []object{}
	for _, t := range all {
		listed = append(listed, object{"id": t.TemplateID, "title": t.Title, "content": t.Content, "example": t.Example})
	}
	out["templates"] = listed
	return err
}

func send(ctx *context.Context, t task, out object) error {
	data := map[string]*message.TemplateDataItem{}
	for key, value := range t.Data {
		data[key] = &message.TemplateDataItem{Value: value, Color: "#173177"}
	}
	sent, sender := []object{}, message.NewTemplate(ctx)
	for _, to := range t.To {
		id, err := sender.Send(&message.TemplateMessage{
			ToUser: to, TemplateID: t.Template, URL: t.Link, ClientMsgID: t.MsgID, Data: data,
		})
		code := 0
		if err != nil {
			// The SDK has the code in the text only.
			_, rest, _ := strings.Cut(err.Error(), "errcode=")
			number, _, _ := strings.Cut(rest, " ")
			if code, err = strconv.Atoi(number); err != nil {
				return fmt.Errorf("the error of a send has no code: %w", err)
			}
		}
		sent = append(sent, object{"to": to, "code": code, "msgid": strconv.FormatInt(id, 10)})
	}
	out["sent"] = sent
	return nil
}

func code(ctx *context.Context, t task, out object) error {
	ticket, err := basic.NewBasic(ctx).GetQRTicket(basic.NewTmpQrRequest(time.Duration(t.Expire)*time.Second, t.Scene))
	if err != nil {
		return err
	}
	out["qr"] = object{"ticket": ticket.Ticket, "expire": ticket.ExpireSeconds, "url": ticket.URL}
	return nil
}

func infos(ctx *context.Context, t task, out object) error {
	u := user.NewUser(ctx)
	one, err := u.GetUserInfo(t.Infos[0])
	if err != nil {
		return err
	}
	found := []object{{"openid": one.OpenID, "subscribe": one.Subscribe, "tags": one.TagIDList}}
	var ask user.BatchGetUserInfoParams
	for _, openid := range t.Infos[1:] {
		ask.UserList = append(ask.UserList, user.BatchGetUserListItem{OpenID: openid, Lang: "zh_CN"})
	}
	rest, err := u.BatchGetUserInfo(ask)
	if err != nil {
		return err
	}
	for _, i := range rest.UserInfoList {
		found = append(found, object{"openid": i.OpenID, "subscribe": i.Subscribe, "tags": i.TagIDList})
	}
	out["infos"] = found
	return nil
}

func tags(ctx *context.Context, t task, out object) error {
	u := user.NewUser(ctx)
	all, err := u.GetTag()
	if err != nil {
		return err
	}
	out["tags"] = all
	tagged := []string{}
	for next := ""; ; {
		page, err := u.OpenIDListByTag(int32(t.Tag), next)
		if err != nil {
			return err
		}
		tagged = append(tagged, page.Data.OpenIDs...)
		if next = page.NextOpenID; next == "" {
			out["tagged"] = tagged
			return nil
		}
	}
}

func quota(ctx *context.Context, _ task, out object) error {
	err := basic.NewBasic(ctx).ClearQuota()
	out["cleared"] = err == nil
	return err
}
