package storetest

import (
	"testing"

	"github.com/seed-12493b23/wallet/store"
	"github.com/seed-12493b23/wallet/store/memory"
)

func openMemory(testing.TB) store.Store { return memory.New() }

func TestMemory(t *testing.T) { Test(t, openMemory) }

func BenchmarkMemory(b *testing.B) { Benchmark(b, openMemory) }
