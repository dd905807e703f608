package doctor

import (
	"context"

	"pushd/internal/alarm"
)

// webhook sends a test message if it was asked for.
func (o Options) webhook(ctx context.Context, r *report) {
	switch {
	case o.WebhookURL == "" && o.Webhook:
		r.fail("webhook", "PUSHD_WEBHOOK_URL is not set")
	case o.WebhookURL == "":
	case !o.Webhook:
		r.ok("webhook", "is set; --webhook sends a test message")
	default:
		if err := alarm.Try(ctx, o.Hook("pushd check")); err != nil {
			r.fail("webhook", "%v", err)
			return
		}
		r.ok("webhook", "has taken a test message; has it arrived?")
	}
}
