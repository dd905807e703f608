package client

import (
	"context"
	"net/http"
	"net/url"
	"time"
)

// Hold is what is held, and how far its jobs have come to rest; api/openapi.yaml
// explains the members.
type Hold struct {
	Held     bool       `json:"held"`
	Existing bool       `json:"existing"` // it was set before the PUT
	AppID    string     `json:"appid"`    // "" is everything
	Reason   string     `json:"reason"`
	ErrCode  int        `json:"errcode"` // WeChat's; 0: a person has set it
	By       string     `json:"by"`
	Since    *time.Time `json:"since"`

	Stopped    int        `json:"stopped"`
	Stopping   int        `json:"stopping"`
	Waiting    int        `json:"waiting"`
	LastSentAt *time.Time `json:"lastSentAt"`

	Everything bool          `json:"everything"` // of an account: everything is held
	Accounts   []AccountHold `json:"accounts"`   // of everything
	WentBack   int           `json:"ledgerWentBack"`
}

// AccountHold is the hold of an account in the list of all.
type AccountHold struct {
	AppID   string     `json:"appid"`
	Reason  string     `json:"reason"`
	ErrCode int        `json:"errcode"`
	By      string     `json:"by"`
	Since   *time.Time `json:"since"`
	Stopped int        `json:"stopped"`
}

// HoldPath is the address of an account's hold below the API's root; with "" that
// of everything.
func HoldPath(appID string) string {
	if appID == "" {
		return "/v1/hold"
	}
	return "/v1/accounts/" + url.PathEscape(appID) + "/hold"
}

// SetHold stops an account, or with "" everything, until an operator lifts it.
func (c Client) SetHold(ctx context.Context, appID, reason string) (Hold, error) {
	var body struct {
		Reason string `json:"reason,omitempty"`
	}
	body.Reason = reason
	return call[Hold](ctx, c, http.MethodPut, HoldPath(appID), body)
}

// LiftHold ends a hold. Lifting none is no error.
func (c Client) LiftHold(ctx context.Context, appID string) (Hold, error) {
	return call[Hold](ctx, c, http.MethodDelete, HoldPath(appID), nil)
}

// Hold says what is held of an account, or with "" of everything.
func (c Client) Hold(ctx context.Context, appID string) (Hold, error) {
	return call[Hold](ctx, c, http.MethodGet, HoldPath(appID), nil)
}
