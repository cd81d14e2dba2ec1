package rest

import (
	"time"

	"github.com/seed-12493b23/wallet"
)

// rule is a recurring top-up, as it is asked for and answered.
type rule struct {
	ID          wallet.RuleID `json:"id,omitzero"`
	Trigger     string        `json:"trigger" need:"true" enum:"INTERVAL THRESHOLD"`
	Method      string        `json:"method" enum:"FIXED TARGET"` // FIXED if not given
	Interval    string        `json:"interval,omitempty" enum:"WEEKLY MONTHLY QUARTERLY SEMIANNUAL YEARLY"`
	Threshold   *quantity     `json:"threshold_credits,omitempty"`
	Paid        positive      `json:"paid_credits,omitzero"`
	Granted     positive      `json:"granted_credits,omitzero"`
	Target      positive      `json:"target_ongoing_balance,omitzero"`
	GrantTarget bool          `json:"grants_target_top_up,omitempty"`
	StartsAt    time.Time     `json:"started_at,omitzero"`
	ExpiresAt   time.Time     `json:"expiration_at,omitzero"`

	// Of the transactions it creates.
	Name      string   `json:"transaction_name,omitempty"`
	Metadata  metadata `json:"transaction_metadata,omitempty"`
	Priority  int      `json:"transaction_priority,omitempty"`
	ExpiresIn seconds  `json:"transaction_expires_in,omitempty"`
	UntilNext bool     `json:"transaction_until_next,omitempty"`
}

// ruleFields are the names of a rule's fields that are not those of a top-up.
var ruleFields = map[string]string{
	"name": "transaction_name", "metadata": "transaction_metadata", "priority": "transaction_priority",
	"expires_in": "transaction_expires_in", "until_next": "transaction_until_next", "grant_target": "grants_target_top_up",
}

func showRules(rules []wallet.Rule) []rule {
	var out []rule
	for _, r := range rules {
		one := rule{
			ID: r.ID, Trigger: capitals(r.Trigger), Method: "FIXED", Interval: capitals(r.Every), Paid: positive{quantity{r.Paid}},
			Granted: positive{quantity{r.Granted}}, Target: positive{quantity{r.Target}}, GrantTarget: r.GrantTarget,
			StartsAt: r.StartsAt, ExpiresAt: r.ExpiresAt, Name: r.Name, Metadata: metadataOf(r.Metadata), Priority: r.Priority,
			ExpiresIn: seconds(r.ExpiresIn), UntilNext: r.UntilNext,
		}
		if r.Method != wallet.MethodFixed {
			one.Method = capitals(r.Method)
		}
		if r.Trigger == wallet.TriggerThreshold || !r.Threshold.IsZero() {
			one.Threshold = &quantity{r.Threshold}
		}
		out = append(out, one)
	}
	return out
}

func readRules(rules []rule) ([]wallet.Rule, error) {
	if rules == nil {
		return nil, nil
	}
	out := make([]wallet.Rule, len(rules))
	var bad invalid
	for i, r := range rules {
		at := "/recurring_transaction_rules/" + itoa(i)
		need := func(given bool, name, why string) {
			if !given {
				bad = append(bad, detail{Field: at + "/" + name, Location: "body", Issue: missing, Description: "is required " + why})
			}
		}
		need(r.Trigger != "INTERVAL" || r.Interval != "", "interval", "with trigger INTERVAL")
		need(r.Trigger != "THRESHOLD" || r.Threshold != nil, "threshold_credits", "with trigger THRESHOLD")
		need(r.Method != "TARGET" || !r.Target.IsZero(), "target_ongoing_balance", "with method TARGET")
		values, err := r.Metadata.values(at + "/transaction_metadata")
		if err != nil {
			bad = append(bad, err.(invalid)...)
		}
		out[i] = wallet.Rule{
			ID: r.ID, Trigger: word[wallet.Trigger](r.Trigger), Every: word[wallet.Period](r.Interval), Paid: r.Paid.Amount,
			Granted: r.Granted.Amount, Target: r.Target.Amount, GrantTarget: r.GrantTarget, StartsAt: r.StartsAt, ExpiresAt: r.ExpiresAt,
			Name: r.Name, Metadata: values, Priority: r.Priority, ExpiresIn: time.Duration(r.ExpiresIn), UntilNext: r.UntilNext,
		}
		if r.Method == "TARGET" {
			out[i].Method = wallet.MethodTarget
		}
		if r.Threshold != nil {
			out[i].Threshold = r.Threshold.Amount
		}
	}
	if bad != nil {
		return nil, bad
	}
	return out, nil
}
