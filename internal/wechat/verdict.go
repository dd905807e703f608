package wechat

import (
	"cmp"
	"slices"

	"pushd"
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
	CallTagged                // user/tag/get
	CallTags                  // tags/get
	CallKnows                 // user/info
)

// Classify says what an errcode means. Only 0 means that a message was
// accepted: how WeChat answers a repeated client_msg_id is not documented, so
// no other code is taken for "you sent that already" here.
func Classify(call Call, code int, errmsg string) pushd.Answer {
	if code == 0 {
		return pushd.Answer{}
	}
	a := pushd.Answer{Verdict: verdictOf(code), Code: code, Cause: causes[call][code], Holds: holds[code], Text: errText(errmsg)}
	if call != CallSend {
		switch a.Verdict {
		case pushd.Skip, pushd.DeferShort, pushd.DeferLong:
			a.Verdict = pushd.Other // they are about a recipient, and there is none
		}
		return a
	}
	a.Ambiguous = a.Verdict == pushd.Busy
	return a
}

// verdictOf finds a code in the table. 26848700x is one family.
func verdictOf(code int) pushd.Verdict {
	if code/10 == platformBusy/10 {
		code = platformBusy
	}
	i, ok := slices.BinarySearchFunc(table[:], code, func(e Entry, code int) int { return cmp.Compare(e.Code, code) })
	if !ok {
		return pushd.Other
	}
	return table[i].Verdict
}

// causes lists the errcodes that say more than their verdict.
var causes = map[Call]map[int]pushd.Cause{
	CallSend: {
		43004: pushd.CauseUnfollowed, 40003: pushd.CauseOpenID, 49003: pushd.CauseOpenID, 40037: pushd.CauseTemplate,
		43101: pushd.CauseUnwilling,
	},
	CallPage:   {40003: pushd.CauseCursor},
	CallTagged: {40003: pushd.CauseCursor, 40152: pushd.CauseAudience, 45159: pushd.CauseAudience},
	CallKnows:  {40003: pushd.CauseOpenID},
	CallQuota:  {40164: pushd.CauseAddress},
}

// holds lists the errcodes after which the account is held until a person has
// looked: WeChat has punished it, or is about to.
var holds = map[int]bool{40249: true, 43116: true, 48004: true, 50002: true}

// platformBusy stands for the codes 268487000 to 268487009.
const platformBusy = 268487001

// Entry is one line of the table: what an errcode of a send means.
type Entry struct {
	Code    int
	Verdict pushd.Verdict
	Meaning string // in plain words
	Source  string // where the meaning is known from
}

// Holds says that the account is held after it.
func (e Entry) Holds() bool { return holds[e.Code] }

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
	{-1, pushd.Busy, "system busy; also how WeChat answers too many sends at once. It may have been accepted all the same", official},
	{0, pushd.Sent, "accepted for delivery", official},
	{40001, pushd.TokenRefused, "the token is invalid or not the latest", official},
	{40002, pushd.Fatal, "wrong grant type", official},
	{40003, pushd.Skip, "no such openid for this account. From everyone: another account's token. On user/get: the cursor is not accepted", official},
	{40008, pushd.Fatal, "wrong message type", official},
	{40013, pushd.Fatal, "wrong appid; also a mini program's that is not linked to the account", official},
	{40014, pushd.TokenRefused, "the token is malformed or unknown", official},
	{40033, pushd.Fatal, `the body holds \u escapes`, sdk},
	{40034, pushd.Fatal, "the template has the wrong size", sdk},
	{40035, pushd.Fatal, "wrong parameter", official},
	{40036, pushd.Fatal, "the template id has the wrong length", official},
	{40037, pushd.FatalIfRepeated, "the account has no such template; known to be answered now and then for a good one", official},
	{40038, pushd.Fatal, "wrong format of the request", official},
	{40039, pushd.Fatal, "the link is too long", official},
	{40048, pushd.Fatal, "the link's domain is not accepted", official},
	{40054, pushd.Fatal, "the domain of a menu's link is not accepted", official},
	{40055, pushd.Fatal, "the domain of a menu's link is not accepted", official},
	{40062, pushd.Fatal, "the title has the wrong length", sdk},
	{40066, pushd.Fatal, "the link is not accepted", official},
	{40068, pushd.Fatal, "the link is known as malicious", sdk},
	{40081, pushd.Fatal, "the account has no such template", sdk},
	{40097, pushd.Fatal, "wrong parameter", inferred},
	{40101, pushd.Fatal, "a parameter is missing", sdk},
	{40125, pushd.Fatal, "wrong app secret", official},
	{40126, pushd.Fatal, "a text has the wrong length", sdk},
	{40138, pushd.Fatal, "first and remark may not be emphasised", sdk},
	{40141, pushd.Fatal, "the link of a picture is not accepted", sdk},
	{40152, pushd.Other, "the account has no such tag; not expected of a send", sdk},
	{40155, pushd.Fatal, "the link leads to another account's home page", official},
	{40159, pushd.Fatal, "the mini program's page is too long", sdk},
	{40164, pushd.FatalIfRepeated, "the caller's address is not on the account's IP whitelist; known to be answered now and then for a listed one", official},
	{40165, pushd.Fatal, "the mini program has no such page, or is not published; also how a mini program is refused that is not linked to the account", observed},
	{40166, pushd.Fatal, "wrong appid of the mini program", sdk},
	{40176, pushd.Fatal, "the account has no such template", sdk},
	{40184, pushd.Fatal, "the link's path is not accepted", sdk},
	{40212, pushd.Fatal, "the query of the mini program's page is not accepted", official},
	{40221, pushd.Fatal, "wrong Content-Encoding", sdk},
	{40222, pushd.Fatal, "this host of WeChat's does not serve the account", sdk},
	{40241, pushd.DeferShort, "a duplicate within 60 seconds, of this message or of another one of the account", observed},
	{40243, pushd.Fatal, "the app secret is frozen", official},
	{40246, pushd.Other, "wrong keyword of a new template; not expected of these calls", official},
	{40247, pushd.Other, "a new template must be a category's; not expected of these calls", official},
	{40249, pushd.Fatal, "the content is blocked; going on risks punishment", official},
	{41001, pushd.TokenRefused, "no token", official},
	{41002, pushd.Fatal, "no appid", official},
	{41004, pushd.Fatal, "no app secret", official},
	{41010, pushd.Fatal, "no link", sdk},
	{41011, pushd.Fatal, "a required field is missing", sdk},
	{41030, pushd.Fatal, "the mini program has no such page", official},
	{42001, pushd.TokenRefused, "the token has expired", official},
	{42007, pushd.TokenRefused, "the authorization was withdrawn; the token is void", sdk},
	{43001, pushd.Fatal, "must be a GET", official},
	{43002, pushd.Fatal, "must be a POST", official},
	{43003, pushd.Fatal, "must be https", official},
	{43004, pushd.Skip, "does not follow the account", observed},
	{43019, pushd.Skip, "is on the account's blacklist", sdk},
	{43100, pushd.Fatal, "the template was changed too often, or is gone", observed},
	{43101, pushd.Skip, "refuses this kind of message", observed},
	{43102, pushd.Fatal, "the template is not of the kind that this call sends", sdk},
	{43104, pushd.Fatal, "the account has no permission", sdk},
	{43116, pushd.Fatal, "the template is banned; see the account's inbox", official},
	{43117, pushd.DeferLong, "has got too many messages lately", observed},
	{44001, pushd.Fatal, "the media of the message is empty", official},
	{44002, pushd.Fatal, "the body is empty", official},
	{44003, pushd.Fatal, "the article of the message is empty", official},
	{44004, pushd.Fatal, "the text of the message is empty", official},
	{44997, pushd.Fatal, "the link of a picture is too long", sdk},
	{45001, pushd.Fatal, "the media of the message is too big", official},
	{45002, pushd.Fatal, "the content is too long", official},
	{45003, pushd.Fatal, "the title is too long", official},
	{45004, pushd.Fatal, "the description is too long", official},
	{45005, pushd.Fatal, "the link is too long", official},
	{45006, pushd.Fatal, "the link of a picture is too long", official},
	{45007, pushd.Fatal, "the playing time is too long", official},
	{45008, pushd.Fatal, "the article is too long", official},
	{45009, pushd.Quota, "the day's quota of this call is used up", official},
	{45011, pushd.Slower, "the minute's quota of this call is used up", official},
	{45012, pushd.Fatal, "the template is too big", official},
	{45013, pushd.Fatal, "the template has too many fields", sdk},
	{45014, pushd.Fatal, "the message is too big", sdk},
	{45021, pushd.Fatal, "a parameter is too long", sdk},
	{45027, pushd.Fatal, "the template is not of the account's industry", official},
	{45035, pushd.Fatal, "the caller's address is not on the IP whitelist (store API)", official},
	{45047, pushd.Other, "too many customer-service replies; not expected of these calls", official},
	{45051, pushd.Fatal, "the link is not one that a template message may have", sdk},
	{45065, pushd.Other, "a mass message's clientmsgid exists already; not expected of these calls", official},
	{45066, pushd.Other, "a mass message's clientmsgid is repeated too fast; not expected of these calls", official},
	{45067, pushd.Fatal, "client_msg_id is too long", official},
	{45082, pushd.Fatal, "the link's domain has no ICP licence", sdk},
	{45103, pushd.Fatal, "the call is no more supported", observed},
	{45159, pushd.Other, "the account has no such tag; known to be answered now and then for a good one. Not expected of a send", observed},
	{45166, pushd.Fatal, "the content is not accepted", sdk},
	{45168, pushd.Fatal, "the content holds a forbidden word", sdk},
	{46001, pushd.Fatal, "the media of the message does not exist", official},
	{46101, pushd.Fatal, "the call is no more supported", sdk},
	{47001, pushd.Fatal, "the body is not good JSON", official},
	{47002, pushd.Fatal, `the body holds \u escapes`, sdk},
	{47003, pushd.Fatal, "a field's value does not fit its type; the text names the field", official},
	{48001, pushd.Fatal, "the account may not use this call: not certified, or not a service account", official},
	{48002, pushd.Skip, "has switched off the account's messages", sdk},
	{48004, pushd.Fatal, "the call is banned for a violation; see the account's inbox", official},
	{48006, pushd.Other, "clear_quota is used up; not expected of these calls", official},
	{48008, pushd.Fatal, "the account may not send this kind of message", official},
	{48009, pushd.Fatal, "the call is no more supported", sdk},
	{48011, pushd.Fatal, "the template is disabled", sdk},
	{49003, pushd.Skip, "the openid does not belong to this account. From everyone: another account's token", official},
	{50001, pushd.Fatal, "the call is not authorized", sdk},
	{50002, pushd.Fatal, "the account is frozen or punished", official},
	{50005, pushd.Skip, "does not follow the account", sdk},
	{61003, pushd.Fatal, "the third-party platform is not authorized by this account", official},
	{61004, pushd.Fatal, "the caller's address is not registered with the third-party platform", official},
	{61007, pushd.Fatal, "the third-party platform is not authorized for this call", inferred},
	{61016, pushd.Fatal, "the third-party platform is not authorized for this account", inferred},
	{61017, pushd.Fatal, "the third-party platform is not authorized for this kind of call", sdk},
	{65318, pushd.Fatal, "the body must be UTF-8", official},
	{76021, pushd.Other, "quota: no such call; known to be answered now and then for a good one", official},
	{76022, pushd.Other, "quota: not permitted", official},
	{89503, pushd.Fatal, "the caller's address must be confirmed by the account's administrator", official},
	{89506, pushd.Fatal, "the caller's address was refused by the administrator for 24 hours", official},
	{89507, pushd.Fatal, "the caller's address was refused by the administrator for 1 hour", official},
	{platformBusy, pushd.Busy, "the platform is busy (all of 268487000 to 268487009). It may have been accepted all the same", official},
}
