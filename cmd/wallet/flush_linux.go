package main

import (
	"os"
	"syscall"
)

const flushName = "fdatasync"

func flush(f *os.File) error { return syscall.Fdatasync(int(f.Fd())) }
