package wallet_test

import (
	"encoding/json"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"
	"unicode"

	"github.com/seed-12493b23/wallet"
)

// forms are the root types that have a JSON form of fields.
var forms = []any{
	wallet.Wallet{}, wallet.Balance{}, wallet.AppliesTo{}, wallet.Limits{}, wallet.Rule{}, wallet.Spec{}, wallet.Changes{}, wallet.WalletQuery{},
	wallet.Transaction{}, wallet.Lot{}, wallet.Draw{}, wallet.TopUp{}, wallet.Settlement{}, wallet.Debit{}, wallet.Fee{}, wallet.Charge{},
	wallet.Receipt{}, wallet.Line{}, wallet.Payment{}, wallet.Void{}, wallet.TransactionQuery{}, wallet.Money{},
	wallet.Authorization{}, wallet.Hold{}, wallet.HoldPart{}, wallet.HoldLot{}, wallet.Capture{}, wallet.Captured{}, wallet.HoldQuery{},
	wallet.Refund{}, wallet.Transfer{}, wallet.Event{}, wallet.EventQuery{},
}

// No exported struct is left out, but those that are a single text, or an error.
func TestFormsAreAll(t *testing.T) {
	other := []string{"Amount", "ID", "TransactionID", "RuleID", "HoldID", "FieldError", "InvalidError", "NotPendingError", "InsufficientError"}
	var listed []string
	for _, f := range forms {
		listed = append(listed, reflect.TypeOf(f).Name())
	}
	files, _ := filepath.Glob("*.go")
	for _, name := range files {
		if strings.HasSuffix(name, "_test.go") {
			continue
		}
		file, err := parser.ParseFile(token.NewFileSet(), name, nil, 0)
		if err != nil {
			t.Fatal(err)
		}
		ast.Inspect(file, func(n ast.Node) bool {
			spec, ok := n.(*ast.TypeSpec)
			if !ok {
				return true
			}
			_, isStruct := spec.Type.(*ast.StructType)
			if isStruct && spec.Name.IsExported() && !slices.Contains(listed, spec.Name.Name) && !slices.Contains(other, spec.Name.Name) {
				t.Errorf("%s has no test of its JSON form", spec.Name)
			}
			return false
		})
	}
}

// Fields are called in JSON as in Go, in lower_snake, and all of them survive the round trip.
func TestForms(t *testing.T) {
	for _, form := range forms {
		typ := reflect.TypeOf(form)
		t.Run(typ.Name(), func(t *testing.T) {
			for i := range typ.NumField() {
				f := typ.Field(i)
				name, _, _ := strings.Cut(f.Tag.Get("json"), ",")
				if name != snake(f.Name) {
					t.Errorf("%s is called %q, want %q", f.Name, name, snake(f.Name))
				}
			}
			full := reflect.New(typ)
			fill(full.Elem(), 0)
			text, err := json.Marshal(full.Interface())
			if err != nil {
				t.Fatal(err)
			}
			var fields map[string]any
			if err := json.Unmarshal(text, &fields); err != nil || len(fields) != typ.NumField() {
				t.Errorf("got %d fields, error %v, want %d: %s", len(fields), err, typ.NumField(), text)
			}
			back := reflect.New(typ)
			if err := json.Unmarshal(text, back.Interface()); err != nil || !reflect.DeepEqual(full.Interface(), back.Interface()) {
				t.Errorf("got %+v, error %v\nwant %+v", back.Elem(), err, full.Elem())
			}
			empty := reflect.New(typ)
			text, err = json.Marshal(empty.Interface())
			if err != nil {
				t.Fatal(err)
			}
			if err := json.Unmarshal(text, back.Interface()); err != nil {
				t.Errorf("%s: %v", text, err)
			}
			again := reflect.New(typ)
			if err := json.Unmarshal(text, again.Interface()); err != nil || !reflect.DeepEqual(again.Interface(), empty.Interface()) {
				t.Errorf("from %s: got %+v, error %v, want zero", text, again.Elem(), err)
			}
		})
	}
}

func snake(name string) string {
	var b strings.Builder
	for i, r := range strings.ReplaceAll(name, "ID", "Id") {
		if unicode.IsUpper(r) && i > 0 {
			b.WriteByte('_')
		}
		b.WriteRune(unicode.ToLower(r))
	}
	return b.String()
}

// fill sets every field of v to something, each to something else.
func fill(v reflect.Value, n int) {
	switch v.Interface().(type) {
	case wallet.Amount:
		v.Set(reflect.ValueOf(wallet.MustAmount(fmt.Sprint(1+n, ".5"))))
		return
	case time.Time:
		v.Set(reflect.ValueOf(time.Date(2026, 1, 1+n, 2, 3, 4, 5000, time.UTC)))
		return
	case wallet.ID, wallet.TransactionID, wallet.RuleID, wallet.HoldID:
		id := [16]byte{15: byte(1 + n)}
		v.Addr().MethodByName("SetBytes").Call([]reflect.Value{reflect.ValueOf(id)})
		return
	}
	switch v.Kind() {
	case reflect.String:
		v.SetString(fmt.Sprint("text ", n))
	case reflect.Int, reflect.Int64:
		v.SetInt(int64(1 + n))
	case reflect.Bool:
		v.SetBool(true)
	case reflect.Pointer:
		v.Set(reflect.New(v.Type().Elem()))
		fill(v.Elem(), n)
	case reflect.Slice:
		v.Set(reflect.MakeSlice(v.Type(), 2, 2))
		fill(v.Index(0), n)
		fill(v.Index(1), n+1)
	case reflect.Map:
		v.Set(reflect.ValueOf(map[string]string{"key": fmt.Sprint(n)}))
	case reflect.Struct:
		for i := range v.NumField() {
			fill(v.Field(i), n+i)
		}
	default:
		panic(v.Type().String())
	}
}

// The forms that hosts will have stored.
func TestStoredForms(t *testing.T) {
	at := time.Date(2026, 1, 2, 3, 4, 5, 678_000, time.UTC)
	id := must(wallet.ParseID("019b76da-a800-7000-8000-000000000001"))
	tx := must(wallet.ParseTransactionID("019b76da-a800-7000-8000-000000000002"))
	money := wallet.Money{Amount: wallet.MustAmount("0.5"), Currency: "USD"}
	one := wallet.MustAmount("1.00")
	for _, test := range []struct {
		form any
		want string
	}{
		{money, `{"amount":"0.5","currency":"USD"}`},
		{wallet.Wallet{ID: id, Customer: "acme", Currency: "USD", Rate: money.Amount, Status: wallet.Active, CreatedAt: at, UpdatedAt: at},
			`{"id":"019b76da-a800-7000-8000-000000000001","customer":"acme","currency":"USD","rate":"0.5","priority":0,"applies_to":{},` +
				`"status":"active","created_at":"2026-01-02T03:04:05.000678Z","updated_at":"2026-01-02T03:04:05.000678Z",` +
				`"balance":{"spendable":"0","held":"0","pending":"0","ongoing":"0","consumed":"0","kept":"0"}}`},
		{wallet.Transaction{ID: tx, Wallet: id, Customer: "acme", Kind: wallet.Granted, State: wallet.Settled, Source: wallet.SourceManual,
			Credits: one, Money: money, BalanceAfter: one, CreatedAt: at, SettledAt: at},
			`{"id":"019b76da-a800-7000-8000-000000000002","wallet":"019b76da-a800-7000-8000-000000000001","customer":"acme","kind":"granted",` +
				`"state":"settled","source":"manual","credits":"1","money":{"amount":"0.5","currency":"USD"},"priority":0,"balance_after":"1",` +
				`"created_at":"2026-01-02T03:04:05.000678Z","settled_at":"2026-01-02T03:04:05.000678Z"}`},
		{wallet.Rule{Trigger: wallet.TriggerThreshold, Threshold: one},
			`{"trigger":"threshold","method":"fixed","threshold":"1","paid":"0","granted":"0","target":"0","priority":0}`},
		{wallet.TopUp{Paid: one}, `{"paid":"1"}`},
		{wallet.Debit{Credits: one}, `{"credits":"1"}`},
		{wallet.Fee{Amount: one}, `{"amount":"1"}`},
		{wallet.Changes{}, `{}`},
		{wallet.Changes{Name: wallet.Set(""), Rules: []wallet.Rule{}, Metadata: map[string]string{}, ExpiresAt: new(time.Time)},
			`{"name":"","expires_at":"0001-01-01T00:00:00Z","rules":[],"metadata":{}}`},
	} {
		if got := string(must(json.Marshal(test.form))); got != test.want {
			t.Errorf("%T: got\n%s\nwant\n%s", test.form, got, test.want)
		}
	}
	var method wallet.Method
	for text, want := range map[string]wallet.Method{`"fixed"`: wallet.MethodFixed, `""`: wallet.MethodFixed, `"target"`: wallet.MethodTarget} {
		if err := json.Unmarshal([]byte(text), &method); err != nil || method != want {
			t.Errorf("%s: got %q, error %v, want %q", text, method, err, want)
		}
	}
}
