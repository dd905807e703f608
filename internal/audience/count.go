package audience

import (
	"context"

	"pushd"
)

// Count is how many an audience has now.
type Count struct {
	Total *int64 // nil = not known
	Odd   int    // rows that are no openids
}

// Number counts an audience: by the total that comes with its first page, else by
// reading it. Of a tag whose count WeChat does not give it reads no more than the
// first page: the calls of a day are few.
func Number(ctx context.Context, l List) (c Count, a pushd.Answer, err error) {
	var n int64
	for cursor := pushd.OpenID(""); ; {
		page, _, a, err := l.Page(ctx, cursor)
		if err != nil || !a.OK() {
			return c, a, err
		}
		if n, c.Odd = n+int64(len(page.OpenIDs)), c.Odd+page.Odd; !page.Uncounted {
			n = page.Total
		}
		if cursor = page.Next; !page.Uncounted || cursor == "" || !l.Grows() && len(page.OpenIDs) < pushd.PageSize {
			c.Total = &n
			return c, a, nil
		}
		if !l.Grows() {
			return c, a, nil
		}
	}
}
