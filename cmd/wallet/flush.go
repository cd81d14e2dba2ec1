//go:build !linux && !darwin

package main

import "os"

const flushName = "fsync"

func flush(f *os.File) error { return f.Sync() }
