package storetest

import (
	"testing"

	"github.com/seed-12493b23/wallet/policy"
	"github.com/seed-12493b23/wallet/store"
)

func testCharges(t *testing.T, open func(testing.TB) store.Store)  {}
func testFaults(t *testing.T, open func(testing.TB) store.Store)   {}
func testRaces(t *testing.T, open func(testing.TB) store.Store)    {}
func testOrder(t *testing.T, o policy.Order)      {}
func testFunctions(t *testing.T, p policy.Policy) {}
