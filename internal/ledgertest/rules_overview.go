package ledgertest

import "testing"

func overviewRules() []rule {
	return []rule{
		{"Heartbeat", heartbeat},
	}
}

// The last heartbeat is known to all processes, and a raise of the counter does
// not touch it.
func heartbeat(t *testing.T, f *bench) {
	if o, err := f.Overview(f.ctx); err != nil || o.HostSeen != 0 || o.Now == 0 {
		t.Errorf("before the first heartbeat: %+v, %v", o, err)
	}
	before := f.tick()
	first, err := f.Heartbeat(f.ctx)
	f.ok(err)
	if o, err := f.Overview(f.ctx); err != nil || o.HostSeen != first || first < before || first > o.Now {
		t.Errorf("a heartbeat at %d, after %d: %+v, %v", first, before, o, err)
	}
	f.tick()
	second, err := f.Again().Heartbeat(f.ctx)
	f.ok(err)
	_, err = f.Raise(f.ctx, 0)
	f.ok(err)
	if in, err := f.Installation(f.ctx); err != nil || in.HostSeen != second || second <= first || in.Value != 1 {
		t.Errorf("a heartbeat at %d after %d: %+v, %v", second, first, in, err)
	}
}
