package console

import (
	"context"
	"encoding/json"
	"net/http"
	"time"

	"pushd"
	"pushd/api/client"
)

// estimate is what the API says of a POST that it only pretends to take.
type estimate struct {
	Total   *int64         `json:"total"`
	Message *pushd.Message `json:"message"`
	Quota   *int64         `json:"quotaRemain"`
	Seconds *int64         `json:"estimateSeconds"`
	Against []struct {
		Code   string `json:"code"`
		Detail string `json:"detail"`
	} `json:"problems"`
	Failure *failure `json:"-"`
	Takes   string   `json:"-"`
}

// estimateFor is how long a page waits for WeChat to say how many followers there
// are.
const estimateFor = 6 * time.Second

// dryRun is an order that is not carried out.
type dryRun struct {
	client.Order
	DryRun bool `json:"dryRun"`
}

// estimate asks what continue or restart would come to. That it is not known is
// no reason not to press.
func (c *Console) estimate(ctx context.Context, v *visit, j client.Job, how string) *estimate {
	ctx, cancel := context.WithTimeout(ctx, estimateFor)
	defer cancel()
	e := &estimate{}
	raw, err := v.api.Raw(ctx, http.MethodPost, "/v1/jobs", dryRun{orderOf(j, how, false), true})
	if err == nil {
		err = json.Unmarshal(raw, e)
	}
	if err != nil {
		_, why := v.explain(err)
		e.Failure = &why
	}
	if e.Seconds != nil {
		e.Takes = v.span(time.Duration(*e.Seconds) * time.Second)
	}
	return e
}
