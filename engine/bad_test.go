package engine_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/seed-12493b23/wallet"
)

// inRules is the second rule of a list, of which the first is in order.
func inRules[T any](base wallet.Rule, set func(*wallet.Rule, T)) func(*desk, T) error {
	fine := wallet.Rule{Trigger: wallet.TriggerInterval, Every: wallet.Weekly, Granted: amount("1")}
	with := func(v T) []wallet.Rule {
		rule := base
		set(&rule, v)
		return []wallet.Rule{fine, rule}
	}
	return func(d *desk, v T) error {
		create := inCreate(func(s *wallet.Spec, v T) { s.Rules = with(v) })(d, v)
		update := inUpdate(func(c *wallet.Changes, v T) { c.Rules = with(v) })(d, v)
		if (create == nil) != (update == nil) {
			return fmt.Errorf("create: error %v, update: error %v", create, update)
		}
		return create
	}
}

// A rule's fields have the same bounds in a new wallet and in a present one.
func TestRuleFields(t *testing.T) {
	interval := wallet.Rule{Trigger: wallet.TriggerInterval, Every: wallet.Monthly, Paid: amount("1"), Granted: amount("1")}
	threshold := wallet.Rule{Trigger: wallet.TriggerThreshold, Threshold: amount("1"), Paid: amount("1"), Granted: amount("1")}
	target := wallet.Rule{Trigger: wallet.TriggerThreshold, Method: wallet.MethodTarget, Target: amount("1000")}
	texts := func(bad map[string]string, good map[string]string) {
		testFields(t, []field[string]{{"rules[1].name", inRules(interval, func(r *wallet.Rule, v string) { r.Name = v })}}, bad, good)
	}
	texts(badTexts, goodTexts)
	testFields(t, []field[wallet.Amount]{
		{"rules[1].threshold", inRules(threshold, func(r *wallet.Rule, v wallet.Amount) { r.Threshold = v })},
		{"rules[1].paid", inRules(threshold, func(r *wallet.Rule, v wallet.Amount) { r.Paid, r.Granted = v, amount("9") })},
		{"rules[1].granted", inRules(threshold, func(r *wallet.Rule, v wallet.Amount) { r.Granted, r.Paid = v, amount("9") })},
	}, badAmounts,
		map[string]wallet.Amount{"zero": {}, "some": amount("2.5")})
	testFields(t, []field[wallet.Amount]{{"rules[1].target", inRules(target, func(r *wallet.Rule, v wallet.Amount) { r.Target = v })}},
		map[string]wallet.Amount{"zero": {}, "19 digits": amount(most).Add(amount("1"))}, map[string]wallet.Amount{"least": amount("0.000000000001")})
	testFields(t, []field[wallet.Trigger]{{"rules[1].trigger", inRules(interval, func(r *wallet.Rule, v wallet.Trigger) { r.Trigger = v })}},
		map[string]wallet.Trigger{"empty": "", "other": "time", "capital": "Interval", "SQL": "'; --"}, nil)
	testFields(t, []field[wallet.Method]{{"rules[1].method", inRules(interval, func(r *wallet.Rule, v wallet.Method) { r.Method = v })}},
		map[string]wallet.Method{"other": "fix", "SQL": "'; --"}, nil)
	testFields(t, []field[wallet.Period]{{"rules[1].every", inRules(interval, func(r *wallet.Rule, v wallet.Period) { r.Every = v })}},
		map[string]wallet.Period{"empty": "", "other": "daily", "SQL": "'; --"},
		map[string]wallet.Period{"week": wallet.Weekly, "quarter": wallet.Quarterly, "half": wallet.Semiannual, "year": wallet.Yearly})
	testFields(t, []field[int]{{"rules[1].priority", inRules(interval, func(r *wallet.Rule, v int) { r.Priority = v })}},
		map[string]int{"negative": -1, "256": 256}, map[string]int{"last": 255})
	testFields(t, []field[time.Duration]{{"rules[1].expires_in", inRules(interval, func(r *wallet.Rule, v time.Duration) { r.ExpiresIn = v })}},
		map[string]time.Duration{"negative": -1, "short": 999}, map[string]time.Duration{"shortest": time.Microsecond, "longest": 1<<63 - 1})
	testFields(t, []field[time.Time]{
		{"rules[1].starts_at", inRules(interval, func(r *wallet.Rule, v time.Time) { r.StartsAt = v })},
		{"rules[1].expires_at", inRules(interval, func(r *wallet.Rule, v time.Time) { r.ExpiresAt = v })},
	}, map[string]time.Time{"before the epoch": time.Unix(-1, 0), "year 10000": time.Date(10000, 1, 1, 0, 0, 0, 0, time.UTC), "just after zero": time.Time{}.Add(1)},
		map[string]time.Time{"never": {}, "past": start.AddDate(-1, 0, 0), "later": start.AddDate(1, 0, 0)})
	testFields(t, []field[map[string]string]{{"rules[1].metadata", inRules(interval, func(r *wallet.Rule, v map[string]string) { r.Metadata = v })}},
		map[string]map[string]string{"bad key": {"\xff": "x"}, "long key": {strings.Repeat("k", 101): "x"}}, map[string]map[string]string{"some": {"k": "v"}})
}

// Fields of a rule that are in order by themselves can still exclude each other.
func TestRuleCombinations(t *testing.T) {
	one, two := amount("1"), amount("2")
	for _, test := range []struct {
		name string
		rule wallet.Rule
		want []string
	}{
		{"nothing to add", wallet.Rule{Trigger: wallet.TriggerThreshold, Threshold: one}, []string{"paid"}},
		{"a target at the threshold", wallet.Rule{Trigger: wallet.TriggerThreshold, Method: wallet.MethodTarget, Threshold: one, Target: one}, []string{"target"}},
		{"an end before the start", wallet.Rule{Trigger: wallet.TriggerThreshold, Paid: one, StartsAt: start.Add(time.Hour), ExpiresAt: start}, []string{"expires_at"}},
		{"an end at the start", wallet.Rule{Trigger: wallet.TriggerThreshold, Paid: one, StartsAt: start, ExpiresAt: start}, []string{"expires_at"}},
		{"until the next of no interval", wallet.Rule{Trigger: wallet.TriggerThreshold, Paid: one, UntilNext: true}, []string{"until_next"}},
		{"until the next, and so long", wallet.Rule{Trigger: wallet.TriggerInterval, Every: wallet.Weekly, Paid: one, UntilNext: true, ExpiresIn: time.Hour}, []string{"expires_in"}},
		{"nothing but a name", wallet.Rule{Name: "x"}, []string{"trigger", "paid"}},
		{"a target above the threshold", wallet.Rule{Trigger: wallet.TriggerThreshold, Method: wallet.MethodTarget, Threshold: one, Target: two}, nil},
		{"a threshold of zero", wallet.Rule{Trigger: wallet.TriggerThreshold, Granted: one}, nil},
	} {
		t.Run(test.name, func(t *testing.T) {
			var want []string
			for _, field := range test.want {
				want = append(want, "rules[0]."+field)
			}
			d := newDesk(newWorld(t))
			for name, try := range map[string]func(*desk) error{
				"create": create(wallet.Spec{Rules: []wallet.Rule{test.rule}}), "update": update(wallet.Changes{Rules: []wallet.Rule{test.rule}}),
			} {
				if err := try(d); !slices.Equal(paths(err), want) {
					t.Errorf("%s: got error %v about %q, want one about %q", name, err, paths(err), want)
				}
			}
		})
	}
	rules := make([]wallet.Rule, 51)
	for i := range rules {
		rules[i] = wallet.Rule{Trigger: wallet.TriggerThreshold, Paid: one}
	}
	d := newDesk(newWorld(t))
	wantEqual(t, paths(create(wallet.Spec{Rules: rules})(d)), []string{"rules"}, "bad fields of 51 rules")
	wantErr(t, create(wallet.Spec{Rules: rules[:50]})(d), nil)
	wantErr(t, update(wallet.Changes{Rules: rules[:50]})(d), nil)
}
