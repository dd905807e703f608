package wechatsim

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"strconv"
	"time"
)

// Remote speaks to the Control of a simulator in another process.
type Remote struct {
	URL    string
	Client *http.Client // nil: http.DefaultClient
}

// RemoteAccount is one account of a simulator in another process; its methods
// are those of Account.
type RemoteAccount struct {
	r     *Remote
	appid string
}

// Account returns the account with this appid.
func (r *Remote) Account(appid string) RemoteAccount { return RemoteAccount{r, appid} }

// AddAccount makes an account.
func (r *Remote) AddAccount(ctx context.Context, appid string, opts AccountOptions) (RemoteAccount, error) {
	return r.Account(appid), r.do(ctx, "PUT", "/accounts/"+url.PathEscape(appid), opts, nil)
}

// AddFault adds a fault and returns its name.
func (r *Remote) AddFault(ctx context.Context, f Fault) (id string, err error) {
	return id, r.do(ctx, "POST", "/faults", f, &id)
}

// ClearFault ends a fault.
func (r *Remote) ClearFault(ctx context.Context, id string) error {
	return r.do(ctx, "DELETE", "/faults/"+id, nil, nil)
}

// ClearFaults ends all faults.
func (r *Remote) ClearFaults(ctx context.Context) error {
	return r.do(ctx, "DELETE", "/faults", nil, nil)
}

// FaultHits is how many requests a fault has met.
func (r *Remote) FaultHits(ctx context.Context, id string) (n int64, err error) {
	err = r.do(ctx, "GET", "/faults/"+id, nil, &n)
	return n, err
}

// Advance moves the simulator's clock.
func (r *Remote) Advance(ctx context.Context, d time.Duration) error {
	return r.do(ctx, "POST", "/advance", d, nil)
}

// Listeners says what came in by each listener, in the order of their opening.
func (r *Remote) Listeners(ctx context.Context) (all []ListenerStats, err error) {
	err = r.do(ctx, "GET", "/listeners", nil, &all)
	return all, err
}

// Tune changes the settings of the account's Behaviour that patch names: a
// Behaviour, or a map from the names of its fields.
func (a RemoteAccount) Tune(ctx context.Context, patch any) error {
	return a.do(ctx, "PATCH", "", patch, nil)
}

// Report counts a campaign.
func (a RemoteAccount) Report(ctx context.Context, clientMsgID string) (out Report, err error) {
	err = a.do(ctx, "GET", "/report?id="+url.QueryEscape(clientMsgID), nil, &out)
	return out, err
}

// Stats returns the account's counters.
func (a RemoteAccount) Stats(ctx context.Context) (out Stats, err error) {
	err = a.do(ctx, "GET", "/stats", nil, &out)
	return out, err
}

// Rates is how many sends arrived in each second since the first.
func (a RemoteAccount) Rates(ctx context.Context) (out []uint32, err error) {
	err = a.do(ctx, "GET", "/rates", nil, &out)
	return out, err
}

// Campaigns lists the client_msg_ids that were seen.
func (a RemoteAccount) Campaigns(ctx context.Context) (out []string, err error) {
	err = a.do(ctx, "GET", "/campaigns", nil, &out)
	return out, err
}

// Missing lists followers who should have got the message and did not.
func (a RemoteAccount) Missing(ctx context.Context, clientMsgID string, limit int) (out []string, err error) {
	err = a.do(ctx, "GET", members("/missing", clientMsgID, limit), nil, &out)
	return out, err
}

// Twice lists followers who got the message more than once.
func (a RemoteAccount) Twice(ctx context.Context, clientMsgID string, limit int) (out []string, err error) {
	err = a.do(ctx, "GET", members("/twice", clientMsgID, limit), nil, &out)
	return out, err
}

func members(path, id string, limit int) string {
	return path + "?id=" + url.QueryEscape(id) + "&limit=" + strconv.Itoa(limit)
}

// Recipient looks up one follower.
func (a RemoteAccount) Recipient(ctx context.Context, clientMsgID, openid string) (out Recipient, err error) {
	err = a.do(ctx, "GET", "/recipient?id="+url.QueryEscape(clientMsgID)+"&openid="+url.QueryEscape(openid), nil, &out)
	return out, err
}

// LastMessage is the message delivered last in a campaign.
func (a RemoteAccount) LastMessage(ctx context.Context, clientMsgID string) (out Message, err error) {
	err = a.do(ctx, "GET", "/message?id="+url.QueryEscape(clientMsgID), nil, &out)
	return out, err
}

// Wait waits until all of the counts have been reached.
func (a RemoteAccount) Wait(ctx context.Context, until Until) (out Stats, err error) {
	err = a.do(ctx, "POST", "/wait", until, &out)
	return out, err
}

// IssueToken is what cgi-bin/token does.
func (a RemoteAccount) IssueToken(ctx context.Context) (value string, err error) {
	err = a.do(ctx, "POST", "/token", nil, &value)
	return value, err
}

// RevokeToken kills the account's tokens at once.
func (a RemoteAccount) RevokeToken(ctx context.Context) error {
	return a.do(ctx, "POST", "/revoke", nil, nil)
}

// ResetQuota starts a new day.
func (a RemoteAccount) ResetQuota(ctx context.Context) error {
	return a.do(ctx, "POST", "/reset_quota", nil, nil)
}

// PHP returns the counters of the PHP token endpoint for the account.
func (a RemoteAccount) PHP(ctx context.Context) (out PHPStats, err error) {
	err = a.do(ctx, "GET", "/php", nil, &out)
	return out, err
}

// SetTemplateCode makes sends with a template answer a code.
func (a RemoteAccount) SetTemplateCode(ctx context.Context, id string, code int) error {
	return a.do(ctx, "POST", "/template_code?id="+url.QueryEscape(id)+"&code="+strconv.Itoa(code), nil, nil)
}

// Leave makes a follower leave.
func (a RemoteAccount) Leave(ctx context.Context, openid string) error {
	return a.do(ctx, "POST", "/leave?openid="+url.QueryEscape(openid), nil, nil)
}

// SetCallback says where the account's events go.
func (a RemoteAccount) SetCallback(ctx context.Context, c Callback) error {
	return a.do(ctx, "PUT", "/callback", c, nil)
}

// Scan is the scan of a QR code; an empty openid is a new follower.
func (a RemoteAccount) Scan(ctx context.Context, ticket, openid string) (who string, err error) {
	err = a.do(ctx, "POST", "/scan?ticket="+url.QueryEscape(ticket)+"&openid="+url.QueryEscape(openid), nil, &who)
	return who, err
}

func (a RemoteAccount) do(ctx context.Context, method, path string, in, out any) error {
	return a.r.do(ctx, method, "/accounts/"+url.PathEscape(a.appid)+path, in, out)
}

func (r *Remote) do(ctx context.Context, method, path string, in, out any) error {
	text, err := json.Marshal(in)
	if err != nil {
		return fmt.Errorf("ask simulator: %w", err)
	}
	req, err := http.NewRequestWithContext(ctx, method, r.URL+path, bytes.NewReader(text))
	if err != nil {
		return fmt.Errorf("ask simulator: %w", err)
	}
	client := r.Client
	if client == nil {
		client = http.DefaultClient
	}
	resp, err := client.Do(req)
	if err != nil {
		return fmt.Errorf("ask simulator: %w", err)
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		var bad struct{ Error string }
		json.NewDecoder(resp.Body).Decode(&bad)
		return fmt.Errorf("simulator: %s %s: %s: %s", method, path, resp.Status, bad.Error)
	}
	if out == nil {
		return nil
	}
	if err := json.NewDecoder(resp.Body).Decode(out); err != nil {
		return fmt.Errorf("read simulator's answer: %w", err)
	}
	return nil
}
