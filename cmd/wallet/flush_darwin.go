package main

import (
	"os"
	"syscall"
)

const flushName = "fsync"

// flush is what SQLite does; (*os.File).Sync flushes the drive's cache, too.
func flush(f *os.File) error { return syscall.Fsync(int(f.Fd())) }
