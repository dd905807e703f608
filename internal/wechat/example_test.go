package wechat_test

import (
	"context"
	"fmt"

	"pushd"
	"pushd/internal/wechat"
	"pushd/internal/wechatsim"
)

// A page of followers, a message for one of them, and what a bad token comes
// to: an answer, never an error with the URL in it.
func Example() {
	sim := wechatsim.New(wechatsim.Options{Seed: 1})
	defer sim.Close()
	acct := sim.Account("wx0123456789abcdef", wechatsim.AccountOptions{Followers: 25_000})
	listener, err := sim.Start()
	if err != nil {
		fmt.Println(err)
		return
	}
	client, err := wechat.New(wechat.Options{BaseURL: listener.URL})
	if err != nil {
		fmt.Println(err)
		return
	}
	defer client.Close()

	ctx := context.Background()
	value, _ := acct.IssueToken()
	token := pushd.Token(value)

	page, answer := client.Page(ctx, token, "")
	fmt.Println(answer.Verdict, len(page.OpenIDs), "of", page.Total)

	// A message is encoded once for a whole job.
	message := pushd.Message{
		TemplateID: pushd.TemplateID(wechatsim.TemplateID(acct.AppID(), 1)),
		URL:        "https://live.example.com/42",
		Data:       map[string]string{"thing1": "Go 语言直播课", "time2": "2026年01月02日 15:04"},
	}
	letter := message.Letter("thejob")
	answer = client.Send(ctx, token, letter, page.OpenIDs[0])
	fmt.Println(answer.Verdict, acct.Report("thejob").Once)

	acct.RevokeToken()
	answer = client.Send(ctx, token, letter, page.OpenIDs[1])
	fmt.Println(answer.Verdict, answer.Code, answer.Ambiguous)
	// Output:
	// sent 10000 of 25000
	// sent 1
	// token 40001 false
}

// The same errcode may mean different things to different calls.
func ExampleClassify() {
	fmt.Println(wechat.Classify(wechat.CallSend, 43004, "require subscribe").Verdict)
	fmt.Println(wechat.Classify(wechat.CallPage, 40003, "invalid openid").Verdict)
	busy := wechat.Classify(wechat.CallSend, -1, "system error")
	fmt.Println(busy.Verdict, busy.Ambiguous)
	// Output:
	// skip
	// other
	// busy true
}
