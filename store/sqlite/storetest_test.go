package sqlite_test

import (
	"path/filepath"
	"testing"

	"github.com/seed-12493b23/wallet/store"
	"github.com/seed-12493b23/wallet/store/sqlite"
	"github.com/seed-12493b23/wallet/store/storetest"
)

func open(t testing.TB) store.Store {
	s, err := sqlite.Open(filepath.Join(t.TempDir(), "wallets.db"), nil)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	return s
}

func TestStore(t *testing.T) { storetest.Test(t, open) }

func BenchmarkStore(b *testing.B) { storetest.Benchmark(b, open) }
