package postgres

import "testing"

// DSN returns the test server's, for tests from outside.
func DSN(tb testing.TB) string { return serve(tb).with("application_name=wallet") }
