package control

import (
	"context"
	"sync"
	"time"

	"pushd"
)

// listFor is how long a list of templates will do for a preview, which is
// asked for at every keystroke.
const listFor = 5 * time.Minute

// listed remembers the templates that WeChat listed lately, by account.
type listed struct {
	mu sync.Mutex
	by map[pushd.AppID]listedAt
}

type listedAt struct {
	list []pushd.Template
	at   time.Time
}

// get returns what was listed within listFor. It is not changed.
func (l *listed) get(appID pushd.AppID) ([]pushd.Template, bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	known, ok := l.by[appID]
	return known.list, ok && time.Since(known.at) < listFor
}

// put keeps a list, and drops those that are too old.
func (l *listed) put(appID pushd.AppID, list []pushd.Template) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for id, known := range l.by {
		if time.Since(known.at) >= listFor {
			delete(l.by, id)
		}
	}
	if l.by == nil {
		l.by = map[pushd.AppID]listedAt{}
	}
	l.by[appID] = listedAt{list, time.Now()}
}

// list asks WeChat for the account's templates.
func (c *Composer) list(ctx context.Context, appID pushd.AppID, actID pushd.ActID) ([]pushd.Template, error) {
	list, err := c.cfg.Account.Of(appID, actID).Templates(ctx)
	if err != nil {
		return nil, composeProblem(err)
	}
	c.listed.put(appID, list)
	return list, nil
}
