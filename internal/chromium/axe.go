package chromium

import (
	"context"
	_ "embed"
	"encoding/json"
	"fmt"
)

// axe finds what keeps people from using a page.
// Source: https://github.com/dequelabs/axe-core 4.14.1, MPL 2.0 (axe/LICENSE)
//
//go:embed axe/axe.min.js
var axe string

// Violations lists what axe-core finds on the page against WCAG 2.2, levels A
// and AA, and against good practice, with the first elements that it blames.
func (p *Page) Violations(ctx context.Context) ([]string, error) {
	if _, err := p.Run(ctx, axe+"; 0"); err != nil {
		return nil, err
	}
	raw, err := p.Run(ctx, `axe.run(document, {resultTypes: ["violations"]}).then((r) => JSON.stringify(r.violations.map((v) =>
		v.id + " (" + v.impact + "): " + v.help + ": " + v.nodes.slice(0, 5).map((n) => n.html + " " + n.any.map((c) => c.message).join("; ")).join(" | "))))`)
	if err != nil {
		return nil, err
	}
	var found []string
	if err := json.Unmarshal([]byte(raw), &found); err != nil {
		return nil, fmt.Errorf("read what axe found: %w", err)
	}
	return found, nil
}
