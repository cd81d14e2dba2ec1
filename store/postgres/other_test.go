//go:build !unix

package postgres

import (
	"syscall"
	"time"
)

// There are no users to change to, and the server is one that the environment names.

func another() *syscall.SysProcAttr { return nil }
func handOver(string) error         { return nil }
func cpu() time.Duration            { return 0 }
