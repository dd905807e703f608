package mariadb

import "testing"

func TestCluster(t *testing.T) {
	c, err := StartCluster(t.Context(), 3, nil)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := c.Stop(); err != nil {
			t.Error(err)
		}
	})
	if err := c.Nodes[0].Exec(t.Context(), "", "CREATE DATABASE t; CREATE TABLE t.t (a INT PRIMARY KEY) ENGINE=InnoDB"); err != nil {
		t.Fatal(err)
	}
	if err := c.Nodes[1].Exec(t.Context(), "t", "INSERT INTO t VALUES (1)"); err != nil {
		t.Fatal(err)
	}
	if n := count(t, c.Nodes[2].Server, "t", "SET SESSION wsrep_sync_wait = 7; SELECT COUNT(*) FROM t"); n != 1 {
		t.Errorf("%d rows on another node", n)
	}
	n := c.Nodes[2]
	n.Kill()
	if err := n.Empty(); err != nil {
		t.Fatal(err)
	}
	if err := n.Restart(t.Context()); err != nil {
		t.Fatal(err)
	}
	if err := n.AwaitSynced(t.Context()); err != nil {
		t.Fatal(err)
	}
	if n := count(t, n.Server, "t", "SELECT COUNT(*) FROM t"); n != 1 {
		t.Errorf("%d rows on a node that was given a copy", n)
	}
}
