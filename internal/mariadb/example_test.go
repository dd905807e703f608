package mariadb_test

import (
	"context"
	"database/sql"
	"fmt"

	_ "github.com/go-sql-driver/mysql"

	"pushd/internal/mariadb"
)

// A server of one's own, and a database for each test, through a power cut.
func Example() {
	ctx := context.Background()
	server, err := mariadb.Start(ctx)
	if err != nil {
		fmt.Println(err)
		return
	}
	defer server.Stop()
	name, err := server.CreateDatabase(ctx)
	if err != nil {
		fmt.Println(err)
		return
	}
	db, err := sql.Open("mysql", server.DSN(name))
	if err != nil {
		fmt.Println(err)
		return
	}
	defer db.Close()
	server.Kill() // a power cut
	fmt.Println(server.Restart(ctx), db.PingContext(ctx))
	// Output: <nil> <nil>
}
