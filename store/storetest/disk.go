//go:build !linux

package storetest

import "os"

// diskBytes is not known here.
func diskBytes() int64 { return 0 }

func flush(f *os.File) error { return f.Sync() }
