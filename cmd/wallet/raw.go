package main

import (
	"os"
	"path/filepath"
	"time"
)

// rawRate returns how often a second the disk does what the least of durable commits takes: 4 KB overwritten, and synced.
func rawRate(dir string, span time.Duration) (float64, error) {
	path := filepath.Join(dir, "raw")
	f, err := os.Create(path)
	if err != nil {
		return 0, err
	}
	defer os.Remove(path)
	defer f.Close()
	page := make([]byte, 4096)
	const warm = 10
	var start time.Time
	for n := -warm; ; n++ {
		if n == 0 {
			start = time.Now()
		}
		if _, err := f.WriteAt(page, 0); err != nil {
			return 0, err
		}
		if err := flush(f); err != nil {
			return 0, err
		}
		if elapsed := time.Since(start); n > 0 && elapsed >= span {
			return float64(n+1) / elapsed.Seconds(), nil
		}
	}
}
