package client

import (
	"context"
	"net/http"

	"pushd"
)

// Health is how a pushd does, and each of its parts.
type Health struct {
	Status   pushd.Level           `json:"status"`
	Draining bool                  `json:"draining"`
	Version  string                `json:"version"`
	Parts    map[string]HealthPart `json:"parts"`
}

// HealthPart is how a part does; what it says is shown only to those with a key.
type HealthPart struct {
	Status pushd.Level `json:"status"`
	Text   string      `json:"text"`
}

// Health asks how pushd does. It is no error if that is badly.
func (c Client) Health(ctx context.Context) (h Health, err error) {
	resp, err := c.do(ctx, http.MethodGet, "/healthz", nil)
	if err != nil {
		return h, err
	}
	raw, err := c.read(resp)
	switch {
	case err != nil:
		return h, err
	case resp.StatusCode != http.StatusOK && resp.StatusCode != http.StatusServiceUnavailable:
		return h, refused(resp.StatusCode, raw)
	}
	err = c.decode(raw, &h)
	return h, err
}
