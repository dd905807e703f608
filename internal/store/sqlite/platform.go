package sqlite

import _ "embed"

// PlatformSchema makes the platform's tables (deploy/schema.sql) in SQLite,
// for the demo and for tests.
//
//go:embed platform.sql
var PlatformSchema string
