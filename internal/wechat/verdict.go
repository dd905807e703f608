package wechat

import (
	"cmp"
	"slices"

	"pushd/internal/fanout"
)

// Call is the API that an answer belongs to: the same errcode may mean
// different things to different calls.
type Call int

// The calls.
const (
	CallSend      Call = iota // message/template/send
	CallPage                  // user/get
	CallQuota                 // openapi/quota/get
	CallTemplates             // template/get_all_private_template
)

// Classify says what an errcode means. Only 0 means that a message was
// accepted: how WeChat answers a repeated client_msg_id is not documented, so
// no other code is taken for "you sent that already" here.
func Classify(call Call, code int, errmsg string) fanout.Answer {
	if code == 0 {
		return fanout.Answer{}
	}
	a := fanout.Answer{Verdict: verdictOf(code), Code: code, Cause: causes[call][code], Text: errText(errmsg)}
	if call != CallSend {
		switch a.Verdict {
		case fanout.Skip, fanout.DeferShort, fanout.DeferLong:
			a.Verdict = fanout.Other // they are about a recipient, and there is none
		}
		return a
	}
	a.Ambiguous = a.Verdict == fanout.Busy
	return a
}

// verdictOf finds a code in the table. 26848700x is one family.
func verdictOf(code int) fanout.Verdict {
	if code/10 == platformBusy/10 {
		code = platformBusy
	}
	i, ok := slices.BinarySearchFunc(table[:], code, func(e Entry, code int) int { return cmp.Compare(e.Code, code) })
	if !ok {
		return fanout.Other
	}
	return table[i].Verdict
}

// causes lists the errcodes that say more than their verdict.
var causes = map[Call]map[int]fanout.Cause{
	CallSend: {
		43004: fanout.CauseUnfollowed, 40003: fanout.CauseOpenID, 49003: fanout.CauseOpenID, 40037: fanout.CauseTemplate,
	},
	CallPage: {40003: fanout.CauseCursor},
}

// platformBusy stands for the codes 268487000 to 268487009.
const platformBusy = 268487001

// Entry is one line of the table: what an errcode of a send means.
type Entry struct {
	Code    int
	Verdict fanout.Verdict
	Meaning string // in plain words
	Source  string // where the meaning is known from
}

// Table returns the table, by code. docs/errcodes.md is made from it.
func Table() []Entry { return append([]Entry(nil), table[:]...) }

// Sources of the meanings.
const (
	official = "official page" // the API's page, or WeChat's list of global return codes
	observed = "observed"      // captured answers, reported by users
	sdk      = "SDKs"          // the error lists of public SDKs
	inferred = "inferred"      // general knowledge
)

// table is the one place that says what an errcode means, by code. What says
// that the message or the request is wrong is Fatal: it is the same for
// everybody. Only what is certainly about the recipient is Skip. Codes that are
// not here are Other: this recipient failed, and a breaker ends the job when there
// are many.
var table = [...]Entry{
	{-1, fanout.Busy, "system busy; also how WeChat answers too many sends at once. It may have been accepted all the same", official},
	{0, fanout.Sent, "accepted for delivery", official},
	{40001, fanout.TokenRefused, "the token is invalid or not the latest", official},
	{40002, fanout.Fatal, "wrong grant type", official},
	{40003, fanout.Skip, "no such openid for this account. From everyone: another account's token. On user/get: the cursor is not accepted", official},
	{40008, fanout.Fatal, "wrong message type", official},
	{40013, fanout.Fatal, "wrong appid; also a mini program's that is not linked to the account", official},
	{40014, fanout.TokenRefused, "the token is malformed or unknown", official},
	{40033, fanout.Fatal, `the body holds \u escapes`, sdk},
	{40034, fanout.Fatal, "the template has the wrong size", sdk},
	{40035, fanout.Fatal, "wrong parameter", official},
	{40036, fanout.Fatal, "the template id has the wrong length", official},
	{40037, fanout.FatalIfRepeated, "the account has no such template; known to be answered now and then for a good one", official},
	{40038, fanout.Fatal, "wrong format of the request", official},
	{40039, fanout.Fatal, "the link is too long", official},
	{40048, fanout.Fatal, "the link's domain is not accepted", official},
	{40054, fanout.Fatal, "the domain of a menu's link is not accepted", official},
	{40055, fanout.Fatal, "the domain of a menu's link is not accepted", official},
	{40062, fanout.Fatal, "the title has the wrong length", sdk},
	{40066, fanout.Fatal, "the link is not accepted", official},
	{40068, fanout.Fatal, "the link is known as malicious", sdk},
	{40081, fanout.Fatal, "the account has no such template", sdk},
	{40097, fanout.Fatal, "wrong parameter", inferred},
	{40101, fanout.Fatal, "a parameter is missing", sdk},
	{40125, fanout.Fatal, "wrong app secret", official},
	{40126, fanout.Fatal, "a text has the wrong length", sdk},
	{40138, fanout.Fatal, "first and remark may not be emphasised", sdk},
	{40141, fanout.Fatal, "the link of a picture is not accepted", sdk},
	{40155, fanout.Fatal, "the link leads to another account's home page", official},
	{40159, fanout.Fatal, "the mini program's page is too long", sdk},
	{40164, fanout.FatalIfRepeated, "the caller's address is not on the account's IP whitelist; known to be answered now and then for a listed one", official},
	{40165, fanout.Fatal, "the mini program has no such page, or is not published; also how a mini program is refused that is not linked to the account", observed},
	{40166, fanout.Fatal, "wrong appid of the mini program", sdk},
	{40176, fanout.Fatal, "the account has no such template", sdk},
	{40184, fanout.Fatal, "the link's path is not accepted", sdk},
	{40212, fanout.Fatal, "the query of the mini program's page is not accepted", official},
	{40221, fanout.Fatal, "wrong Content-Encoding", sdk},
	{40222, fanout.Fatal, "this host of WeChat's does not serve the account", sdk},
	{40241, fanout.DeferShort, "a duplicate within 60 seconds, of this message or of another one of the account", observed},
	{40243, fanout.Fatal, "the app secret is frozen", official},
	{40246, fanout.Other, "wrong keyword of a new template; not expected of these calls", official},
	{40247, fanout.Other, "a new template must be a category's; not expected of these calls", official},
	{40249, fanout.Fatal, "the content is blocked; going on risks punishment", official},
	{41001, fanout.TokenRefused, "no token", official},
	{41002, fanout.Fatal, "no appid", official},
	{41004, fanout.Fatal, "no app secret", official},
	{41010, fanout.Fatal, "no link", sdk},
	{41011, fanout.Fatal, "a required field is missing", sdk},
	{41030, fanout.Fatal, "the mini program has no such page", official},
	{42001, fanout.TokenRefused, "the token has expired", official},
	{42007, fanout.TokenRefused, "the authorization was withdrawn; the token is void", sdk},
	{43001, fanout.Fatal, "must be a GET", official},
	{43002, fanout.Fatal, "must be a POST", official},
	{43003, fanout.Fatal, "must be https", official},
	{43004, fanout.Skip, "does not follow the account", observed},
	{43019, fanout.Skip, "is on the account's blacklist", sdk},
	{43100, fanout.Fatal, "the template was changed too often, or is gone", observed},
	{43101, fanout.Skip, "refuses this kind of message", observed},
	{43102, fanout.Fatal, "the template is not of the kind that this call sends", sdk},
	{43104, fanout.Fatal, "the account has no permission", sdk},
	{43116, fanout.Fatal, "the template is banned; see the account's inbox", official},
	{43117, fanout.DeferLong, "has got too many messages lately", observed},
	{44001, fanout.Fatal, "the media of the message is empty", official},
	{44002, fanout.Fatal, "the body is empty", official},
	{44003, fanout.Fatal, "the article of the message is empty", official},
	{44004, fanout.Fatal, "the text of the message is empty", official},
	{44997, fanout.Fatal, "the link of a picture is too long", sdk},
	{45001, fanout.Fatal, "the media of the message is too big", official},
	{45002, fanout.Fatal, "the content is too long", official},
	{45003, fanout.Fatal, "the title is too long", official},
	{45004, fanout.Fatal, "the description is too long", official},
	{45005, fanout.Fatal, "the link is too long", official},
	{45006, fanout.Fatal, "the link of a picture is too long", official},
	{45007, fanout.Fatal, "the playing time is too long", official},
	{45008, fanout.Fatal, "the article is too long", official},
	{45009, fanout.Quota, "the day's quota of this call is used up", official},
	{45011, fanout.Slower, "the minute's quota of this call is used up", official},
	{45012, fanout.Fatal, "the template is too big", official},
	{45013, fanout.Fatal, "the template has too many fields", sdk},
	{45014, fanout.Fatal, "the message is too big", sdk},
	{45021, fanout.Fatal, "a parameter is too long", sdk},
	{45027, fanout.Fatal, "the template is not of the account's industry", official},
	{45035, fanout.Fatal, "the caller's address is not on the IP whitelist (store API)", official},
	{45047, fanout.Other, "too many customer-service replies; not expected of these calls", official},
	{45051, fanout.Fatal, "the link is not one that a template message may have", sdk},
	{45065, fanout.Other, "a mass message's clientmsgid exists already; not expected of these calls", official},
	{45066, fanout.Other, "a mass message's clientmsgid is repeated too fast; not expected of these calls", official},
	{45067, fanout.Fatal, "client_msg_id is too long", official},
	{45082, fanout.Fatal, "the link's domain has no ICP licence", sdk},
	{45103, fanout.Fatal, "the call is no more supported", observed},
	{45166, fanout.Fatal, "the content is not accepted", sdk},
	{45168, fanout.Fatal, "the content holds a forbidden word", sdk},
	{46001, fanout.Fatal, "the media of the message does not exist", official},
	{46101, fanout.Fatal, "the call is no more supported", sdk},
	{47001, fanout.Fatal, "the body is not good JSON", official},
	{47002, fanout.Fatal, `the body holds \u escapes`, sdk},
	{47003, fanout.Fatal, "a field's value does not fit its type; the text names the field", official},
	{48001, fanout.Fatal, "the account may not use this call: not certified, or not a service account", official},
	{48002, fanout.Skip, "has switched off the account's messages", sdk},
	{48004, fanout.Fatal, "the call is banned for a violation; see the account's inbox", official},
	{48006, fanout.Other, "clear_quota is used up; not expected of these calls", official},
	{48008, fanout.Fatal, "the account may not send this kind of message", official},
	{48009, fanout.Fatal, "the call is no more supported", sdk},
	{48011, fanout.Fatal, "the template is disabled", sdk},
	{49003, fanout.Skip, "the openid does not belong to this account. From everyone: another account's token", official},
	{50001, fanout.Fatal, "the call is not authorized", sdk},
	{50002, fanout.Fatal, "the account is frozen or punished", official},
	{50005, fanout.Skip, "does not follow the account", sdk},
	{61003, fanout.Fatal, "the third-party platform is not authorized by this account", official},
	{61004, fanout.Fatal, "the caller's address is not registered with the third-party platform", official},
	{61007, fanout.Fatal, "the third-party platform is not authorized for this call", inferred},
	{61016, fanout.Fatal, "the third-party platform is not authorized for this account", inferred},
	{61017, fanout.Fatal, "the third-party platform is not authorized for this kind of call", sdk},
	{65318, fanout.Fatal, "the body must be UTF-8", official},
	{76021, fanout.Other, "quota: no such call; known to be answered now and then for a good one", official},
	{76022, fanout.Other, "quota: not permitted", official},
	{89503, fanout.Fatal, "the caller's address must be confirmed by the account's administrator", official},
	{89506, fanout.Fatal, "the caller's address was refused by the administrator for 24 hours", official},
	{89507, fanout.Fatal, "the caller's address was refused by the administrator for 1 hour", official},
	{platformBusy, fanout.Busy, "the platform is busy (all of 268487000 to 268487009). It may have been accepted all the same", official},
}
