package engine_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/seed-12493b23/wallet"
)

// Occurrences of all periods from the ends of January and February, for a little more than four years.
var periods = map[string]map[wallet.Period]string{
	"2027-01-29": {
		wallet.Monthly:    "2027-01-29 2027-02-28 2027-03-29 2027-04-29 2027-05-29 2027-06-29 2027-07-29 2027-08-29 2027-09-29 2027-10-29 2027-11-29 2027-12-29 2028-01-29 2028-02-29 2028-03-29",
		wallet.Quarterly:  "2027-01-29 2027-04-29 2027-07-29 2027-10-29 2028-01-29 2028-04-29",
		wallet.Semiannual: "2027-01-29 2027-07-29 2028-01-29 2028-07-29",
		wallet.Yearly:     "2027-01-29 2028-01-29 2029-01-29 2030-01-29 2031-01-29",
		wallet.Weekly:     "2027-01-29 2027-02-05 2027-02-12 2027-02-19 2027-02-26 2027-03-05",
	},
	"2027-01-30": {
		wallet.Monthly:    "2027-01-30 2027-02-28 2027-03-30 2027-04-30 2027-05-30 2027-06-30 2027-07-30 2027-08-30 2027-09-30 2027-10-30 2027-11-30 2027-12-30 2028-01-30 2028-02-29 2028-03-30",
		wallet.Quarterly:  "2027-01-30 2027-04-30 2027-07-30 2027-10-30 2028-01-30 2028-04-30",
		wallet.Semiannual: "2027-01-30 2027-07-30 2028-01-30 2028-07-30",
		wallet.Yearly:     "2027-01-30 2028-01-30 2029-01-30 2030-01-30 2031-01-30",
		wallet.Weekly:     "2027-01-30 2027-02-06 2027-02-13 2027-02-20 2027-02-27 2027-03-06",
	},
	"2027-01-31": {
		wallet.Monthly:    "2027-01-31 2027-02-28 2027-03-31 2027-04-30 2027-05-31 2027-06-30 2027-07-31 2027-08-31 2027-09-30 2027-10-31 2027-11-30 2027-12-31 2028-01-31 2028-02-29 2028-03-31",
		wallet.Quarterly:  "2027-01-31 2027-04-30 2027-07-31 2027-10-31 2028-01-31 2028-04-30",
		wallet.Semiannual: "2027-01-31 2027-07-31 2028-01-31 2028-07-31",
		wallet.Yearly:     "2027-01-31 2028-01-31 2029-01-31 2030-01-31 2031-01-31",
		wallet.Weekly:     "2027-01-31 2027-02-07 2027-02-14 2027-02-21 2027-02-28 2027-03-07",
	},
	"2028-01-29": {wallet.Monthly: "2028-01-29 2028-02-29 2028-03-29 2028-04-29", wallet.Weekly: "2028-01-29 2028-02-05 2028-02-12 2028-02-19 2028-02-26 2028-03-04"},
	"2028-01-30": {wallet.Monthly: "2028-01-30 2028-02-29 2028-03-30 2028-04-30", wallet.Weekly: "2028-01-30 2028-02-06 2028-02-13 2028-02-20 2028-02-27 2028-03-05"},
	"2028-01-31": {wallet.Monthly: "2028-01-31 2028-02-29 2028-03-31 2028-04-30", wallet.Weekly: "2028-01-31 2028-02-07 2028-02-14 2028-02-21 2028-02-28 2028-03-06"},
	"2028-02-29": {
		wallet.Monthly:    "2028-02-29 2028-03-29 2028-04-29",
		wallet.Semiannual: "2028-02-29 2028-08-29 2029-02-28 2029-08-29 2030-02-28",
		wallet.Yearly:     "2028-02-29 2029-02-28 2030-02-28 2031-02-28 2032-02-29",
	},
	"2096-02-29": {wallet.Yearly: "2096-02-29 2097-02-28 2098-02-28 2099-02-28 2100-02-28 2101-02-28 2102-02-28 2103-02-28 2104-02-29"},
	"2027-08-31": {
		wallet.Quarterly:  "2027-08-31 2027-11-30 2028-02-29 2028-05-31 2028-08-31",
		wallet.Semiannual: "2027-08-31 2028-02-29 2028-08-31 2029-02-28 2029-08-31",
	},
}

// Interval rules occur on the day of their anchor, or on the last of a month that has no such day; at its time in UTC, wherever
// the host is and in whatever zone the anchor was given.
func TestPeriods(t *testing.T) {
	local := time.Local
	defer func() { time.Local = local }()
	zones := map[string]*time.Location{"UTC": time.UTC, "west": time.FixedZone("", -11*3600), "east": time.FixedZone("", 14*3600)}
	for host, zone := range zones {
		time.Local = zone
		for given, zone := range zones {
			for _, late := range []time.Duration{0, 12 * time.Hour, 24*time.Hour - time.Microsecond} {
				for first, table := range periods {
					for period, days := range table {
						t.Run(fmt.Sprint(period, first, late, host, given), func(t *testing.T) { testPeriod(t, period, days, late, zone) })
					}
				}
			}
		}
	}
}

func testPeriod(t *testing.T, period wallet.Period, days string, late time.Duration, zone *time.Location) {
	var want []time.Time
	for _, at := range strings.Fields(days) {
		day, err := time.Parse(time.DateOnly, at)
		if err != nil {
			t.Fatal(err)
		}
		want = append(want, day.Add(late))
	}
	w := newWorld(t)
	w.clock = want[0].In(zone)
	rule := wallet.Rule{Trigger: wallet.TriggerInterval, Every: period, Granted: amount("1"), UntilNext: true}
	started := rule
	started.StartsAt = w.clock
	anchored := w.create(wallet.Spec{Rules: []wallet.Rule{rule}}) // its creation is no occurrence
	given := w.create(wallet.Spec{Rules: []wallet.Rule{started}})
	w.clock = want[len(want)-1].In(time.Local)
	for id, want := range map[wallet.ID][]time.Time{anchored: want[1:], given: want} {
		all, err := wallet.Collect(w.Transactions(ctx(), wallet.TransactionQuery{Wallet: id, Kinds: []wallet.Kind{wallet.Granted}, OldestFirst: true}))
		if err != nil || len(all) != len(want) {
			t.Fatalf("%d occurrences, error %v, want %d", len(all), err, len(want))
		}
		for i, tx := range all {
			if !tx.CreatedAt.Equal(want[i]) || tx.CreatedAt.Location() != time.UTC {
				t.Errorf("occurrence %d at %s, want %s", i, tx.CreatedAt, want[i])
			}
			if i > 0 && !all[i-1].ExpiresAt.Equal(tx.CreatedAt) {
				t.Errorf("occurrence %d lives until %s, the next is at %s", i-1, all[i-1].ExpiresAt, tx.CreatedAt)
			}
		}
	}
}
