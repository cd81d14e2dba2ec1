package rest

import (
	"errors"
	"math/big"
	"slices"
	"strings"
	"time"

	"github.com/seed-12493b23/wallet"
)

// A quantity is a decimal, as a string with at least one digit behind the point.
type quantity struct{ wallet.Amount }

func (q quantity) MarshalJSON() ([]byte, error) {
	b, err := q.AppendText(append(make([]byte, 0, room), '"'))
	if !slices.Contains(b, '.') {
		b = append(b, ".0"...)
	}
	return append(b, '"'), err
}

// room is how many bytes an amount has, with quotes, or more.
const room = 40

// positive is a quantity of which there is something. Zero stands for one that was not given.
type positive struct{ quantity }

func (p *positive) UnmarshalText(text []byte) error {
	if err := p.Amount.UnmarshalText(text); err != nil {
		return err
	}
	if p.Sign() <= 0 {
		return errors.New("not positive")
	}
	return nil
}

// A number is a decimal as a JSON number, with all its digits.
type number struct{ wallet.Amount }

func (n number) MarshalJSON() ([]byte, error)     { return n.AppendText(make([]byte, 0, room)) }
func (n *number) UnmarshalJSON(text []byte) error { return n.UnmarshalText(text) }

type money struct {
	Value    number          `json:"value"`
	Currency wallet.Currency `json:"currency_code"`
}

func moneyOf(a wallet.Amount, c wallet.Currency) money { return money{number{a}, c} }

// seconds is a time span, as a number of seconds with at most six decimals. Zero stands for one that was not given.
type seconds time.Duration

func (s *seconds) UnmarshalText(text []byte) error {
	r, ok := new(big.Rat).SetString(string(text))
	if !ok || len(text) > 32 || strings.ContainsAny(string(text), "eE") {
		return errors.New("not a number")
	}
	micros := r.Mul(r, big.NewRat(1e6, 1))
	if !micros.IsInt() || micros.Sign() <= 0 || micros.Num().BitLen() > 53 {
		return errors.New("out of bounds")
	}
	*s = seconds(time.Duration(micros.Num().Int64()) * time.Microsecond)
	return nil
}

func (s seconds) MarshalJSON() ([]byte, error) {
	a, err := wallet.NewAmount(time.Duration(s).Microseconds(), 6)
	if err != nil {
		return nil, err
	}
	return a.AppendText(nil)
}

func (s *seconds) UnmarshalJSON(text []byte) error { return s.UnmarshalText(text) }

// metadata is a list of keys and values, by key.
type metadata []pair

type pair struct {
	Key   string `json:"key" need:"true"`
	Value string `json:"value" need:"true"`
}

func metadataOf(m map[string]string) metadata {
	list := make(metadata, 0, len(m))
	for k, v := range m {
		list = append(list, pair{k, v})
	}
	slices.SortFunc(list, func(a, b pair) int { return strings.Compare(a.Key, b.Key) })
	return list
}

// values returns the list as a map. A key that is there twice is an error at the pointer.
func (m metadata) values(pointer string) (map[string]string, error) {
	if m == nil {
		return nil, nil
	}
	values := make(map[string]string, len(m))
	for i, p := range m {
		if _, twice := values[p.Key]; twice {
			return nil, invalid{{Field: pointer + "/" + itoa(i) + "/key", Value: p.Key, Location: "body", Issue: duplicate,
				Description: "is the key of another pair"}}
		}
		values[p.Key] = p.Value
	}
	return values, nil
}

// capitals writes a word of the engine's as the API does; word reads it.
func capitals[T ~string](word T) string { return strings.ToUpper(string(word)) }
func word[T ~string](capitals string) T { return T(strings.ToLower(capitals)) }

func words[T ~string](capitals []string) []T {
	if capitals == nil {
		return nil
	}
	all := make([]T, len(capitals))
	for i, c := range capitals {
		all[i] = word[T](c)
	}
	return all
}

func allCapitals[T ~string](words []T) []string {
	all := make([]string, len(words))
	for i, w := range words {
		all[i] = capitals(w)
	}
	return all
}
