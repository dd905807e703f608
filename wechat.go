package pushd

import "context"

// Followers lists an account's followers.
type Followers interface {
	// Page fetches the followers after cursor (exclusive; "" is the start),
	// at most 10,000. The answer's verdict is Sent when the page is good.
	Page(ctx context.Context, tok Token, cursor OpenID) (FollowerPage, Answer)
	// Tagged is Page for the followers who carry a tag. WeChat does not say how
	// many there are.
	Tagged(ctx context.Context, tok Token, tag int64, cursor OpenID) (FollowerPage, Answer)
	// Knows says whether an openid is one of the token's account: of a recipient
	// who follows it, or has followed it.
	Knows(ctx context.Context, tok Token, id OpenID) (bool, Answer)
}

// FollowerPage is a page of an audience: one answer of user/get or of
// user/tag/get, or what PUSHD_AUDIENCE_QUERY gave.
// Source: https://developers.weixin.qq.com/doc/service/api/usermanage/userinfo/api_getfans
type FollowerPage struct {
	Total     int64    // how many the whole list has by the count of whoever keeps it; it moves while one pages
	Uncounted bool     // Total is not known
	OpenIDs   []OpenID // may hold empty strings and repeats
	Next      OpenID   // the last openid of the page, or ""
	Odd       int      // members of the list that can't be openids, left out
}

// End is the cursor behind the last follower of the page, also where WeChat
// gives none.
func (p FollowerPage) End() OpenID {
	for i := len(p.OpenIDs) - 1; p.Next == "" && i >= 0; i-- {
		if p.OpenIDs[i] != "" {
			return p.OpenIDs[i]
		}
	}
	return p.Next
}

// Sender sends one message to one follower.
type Sender interface {
	// Send posts the letter to one follower. It always returns a verdict,
	// never an error: what went wrong is in the Answer. The verdict is that
	// of the answer alone; what it means for a recipient whose earlier try may
	// have been accepted is decided in internal/fanout/settle.go.
	Send(ctx context.Context, tok Token, letter *Letter, to OpenID) Answer
}

// Account asks WeChat about an account.
type Account interface {
	// Quota returns what is left today of the API at path, for example
	// "/cgi-bin/message/template/send".
	Quota(ctx context.Context, tok Token, path string) (remain int64, a Answer)
	// Templates lists the account's own templates. Category templates are
	// usually not among them.
	Templates(ctx context.Context, tok Token) ([]Template, Answer)
	// Tags lists the account's tags.
	Tags(ctx context.Context, tok Token) ([]Tag, Answer)
}

// WeChat is what the engine needs of WeChat.
type WeChat interface {
	Followers
	Sender
	Account
}
