package engine

import (
	"crypto/sha256"
	"encoding/binary"
	"maps"
	"slices"
	"sync"
	"time"

	"github.com/seed-12493b23/wallet"
)

// A fingerprint tells requests apart that come under one key: the command, its target, and its fields by name. Fields that
// are zero are left out, so that a request keeps its fingerprint when later versions have more fields.
type fingerprint []byte

var prints = sync.Pool{New: func() any { return new(fingerprint) }}

func newPrint(command string) *fingerprint {
	f := prints.Get().(*fingerprint)
	*f = append((*f)[:0], command...)
	return f
}

// sum returns the fingerprint's hash and ends its use.
func (f *fingerprint) sum() (short [16]byte) {
	full := sha256.Sum256(*f)
	copy(short[:], full[:])
	prints.Put(f)
	return short
}

func (f *fingerprint) text(name, value string) {
	if value == "" {
		return
	}
	*f = append(*f, 0)
	*f = append(*f, name...)
	*f = binary.AppendUvarint(append(*f, 0), uint64(len(value)))
	*f = append(*f, value...)
}

func (f *fingerprint) amount(name string, a wallet.Amount) {
	if a.IsZero() {
		return
	}
	var room [40]byte
	if hi, lo, ok := a.Units(); ok && hi == 0 {
		f.text(name, string(binary.AppendUvarint(room[:0], lo)))
	} else { // of two bytes or more, and the first has no high bit: that is no Uvarint
		digits, _ := a.AppendText(room[:0]) // cannot fail
		f.text(name, string(digits))
	}
}

func (f *fingerprint) number(name string, n int64) {
	if n != 0 {
		var room [binary.MaxVarintLen64]byte
		f.text(name, string(binary.AppendVarint(room[:0], n)))
	}
}

func (f *fingerprint) flag(name string, set bool) {
	if set {
		f.text(name, "1")
	}
}

func (f *fingerprint) instant(name string, t time.Time) {
	if !t.IsZero() {
		f.number(name, 1+t.UnixMicro())
	}
}

func (f *fingerprint) id(name string, id [16]byte) {
	if id != [16]byte{} {
		f.text(name, string(id[:]))
	}
}

func (f *fingerprint) metadata(m map[string]string) {
	if len(m) == 0 {
		return
	}
	for _, k := range slices.Sorted(maps.Keys(m)) {
		f.text("metadata", k)
		f.text("value", m[k])
	}
}

// fee adds the fields of a fee. In a list, something must tell where each begins.
func (f *fingerprint) fee(fee wallet.Fee) {
	f.text("id", fee.ID)
	f.text("type", string(fee.Type))
	f.text("metric", fee.Metric)
	f.amount("amount", fee.Amount)
}

func (f *fingerprint) appliesTo(a wallet.AppliesTo) {
	for _, t := range a.FeeTypes {
		f.text("fee_type", string(t))
	}
	for _, m := range a.Metrics {
		f.text("metric", m)
	}
}

func (f *fingerprint) limits(l wallet.Limits) {
	f.amount("min_paid", l.MinPaid)
	f.amount("max_paid", l.MaxPaid)
}

func (f *fingerprint) rules(rules []wallet.Rule) {
	for _, r := range rules {
		f.text("rule", "{")
		f.id("id", r.ID.Bytes())
		f.text("trigger", string(r.Trigger))
		f.text("method", string(r.Method))
		f.text("every", string(r.Every))
		f.amount("threshold", r.Threshold)
		f.amount("paid", r.Paid)
		f.amount("granted", r.Granted)
		f.amount("target", r.Target)
		f.flag("grant_target", r.GrantTarget)
		f.instant("starts_at", r.StartsAt)
		f.instant("expires_at", r.ExpiresAt)
		f.text("name", r.Name)
		f.metadata(r.Metadata)
		f.number("priority", int64(r.Priority))
		f.number("expires_in", r.ExpiresIn.Microseconds())
		f.flag("until_next", r.UntilNext)
		f.text("rule", "}")
	}
}

func (f *fingerprint) topUp(t wallet.TopUp) {
	f.amount("paid", t.Paid)
	f.amount("granted", t.Granted)
	f.amount("money", t.Money)
	f.flag("grant_on_settle", t.GrantOnSettle)
	f.number("priority", int64(t.Priority))
	f.instant("expires_at", t.ExpiresAt)
	f.number("expires_in", t.ExpiresIn.Microseconds())
	f.text("name", t.Name)
	f.text("reference", t.Reference)
	f.id("corrects", t.Corrects.Bytes())
	f.metadata(t.Metadata)
}
