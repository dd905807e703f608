package ledgertest

import (
	"maps"
	"slices"

	"pushd"
)

// Copy returns the ledger as it is now. Nothing of it changes any more.
func (l *Memory) Copy() *Memory {
	l.Lock()
	defer l.Unlock()
	return l.copy()
}

func (l *Memory) copy() *Memory {
	c := NewMemory()
	c.Step, c.texts, c.Install, c.OnHold = l.Step, maps.Clone(l.texts), l.Install, maps.Clone(l.OnHold)
	c.events, c.accepted, c.refusals = slices.Clone(l.events), maps.Clone(l.accepted), maps.Clone(l.refusals)
	c.Subscribed = maps.Clone(l.Subscribed)
	for id, j := range l.ByID {
		same := *j
		same.Progress = slices.Clone(j.Progress)
		same.Pages, same.Blobs, same.messages = slices.Clip(j.Pages), slices.Clip(j.Blobs), slices.Clip(j.messages)
		same.receipts = maps.Clone(j.receipts)
		c.ByID[id] = &same
	}
	c.sums = map[pushd.JobID]*receiptSums{}
	for id, sum := range l.sums {
		same := *sum
		c.sums[id] = &same
	}
	for id, ch := range l.Channels {
		same := *ch
		c.Channels[id] = &same
	}
	return c
}

// Restore makes the ledger what it was.
func (l *Memory) Restore(old *Memory) {
	l.Lock()
	defer l.Unlock()
	c := old.copy()
	l.ByID, l.Channels, l.texts, l.Install, l.OnHold = c.ByID, c.Channels, c.texts, c.Install, c.OnHold
	l.events, l.accepted, l.sums = c.events, c.accepted, c.sums
	l.Subscribed, l.refusals = c.Subscribed, c.refusals
	l.lives++
	for _, j := range l.ByID {
		j.Where = map[pushd.OpenID][2]int{}
		for no, page := range j.Pages {
			for i, id := range page.OpenIDs {
				j.Where[id] = [2]int{no, i}
			}
		}
	}
}

// Life numbers the times since the ledger came back as it was.
func (l *Memory) Life() int {
	l.Lock()
	defer l.Unlock()
	return l.lives
}
