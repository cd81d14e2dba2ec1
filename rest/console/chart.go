package console

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/seed-12493b23/wallet"
)

// The burn-down chart looks at the latest transactions, so many at most, and is drawn in a box of these units.
const (
	mostPoints             = 500
	chartWidth, chartHight = 720, 180
)

// A chart is how a wallet's balance went over time: what is spendable or held, after each transaction that was settled.
type chart struct {
	Width, Height int
	Line, Area    string // SVG paths
	From, To      time.Time
	Most          string
	Points        []point // newest first
	Cut           bool    // there was more before
}

type point struct {
	At      time.Time
	What    string
	Balance string

	balance wallet.Amount
}

// drawChart draws the wallet's balance; nil if nothing has happened yet.
func (v *view) drawChart() (*chart, error) {
	c := &chart{Width: chartWidth, Height: chartHight}
	query := wallet.TransactionQuery{Wallet: v.Wallet.ID, States: []wallet.State{wallet.Settled}, Limit: mostPoints + 1}
	for t, err := range v.handler.eng.Transactions(v.r.Context(), query) {
		if err != nil {
			return nil, err
		}
		if len(c.Points) == mostPoints {
			c.Cut = true
			break
		}
		c.Points = append(c.Points, point{t.SettledAt, typeLabel(t.Kind) + " " + signed(t.Kind, plain(t.Credits, 0)), plain(t.BalanceAfter, 0), t.BalanceAfter})
	}
	if len(c.Points) == 0 {
		return nil, nil
	}
	sortNewestFirst(c.Points)
	c.From, c.To = c.Points[len(c.Points)-1].At, c.Points[0].At
	most := wallet.MustAmount("0.000000000001")
	for _, p := range c.Points {
		most = most.Max(p.balance)
	}
	c.Most = plain(most, 0)

	var line strings.Builder
	span := max(c.To.Sub(c.From), time.Second)
	y := float64(0)
	for i := len(c.Points) - 1; i >= 0; i-- {
		p := c.Points[i]
		x := float64(p.At.Sub(c.From)) / float64(span) * chartWidth
		was := y
		y = chartHight * (1 - share(p.balance, most))
		if line.Len() == 0 {
			fmt.Fprintf(&line, "M%.1f %.1f", x, y)
			continue
		}
		fmt.Fprintf(&line, "L%.1f %.1fL%.1f %.1f", x, was, x, y)
	}
	fmt.Fprintf(&line, "L%d %.1f", chartWidth, y)
	c.Line = line.String()
	c.Area = c.Line + fmt.Sprintf("L%d %dL0 %dZ", chartWidth, chartHight, chartHight)
	return c, nil
}

// share returns a ÷ all, roughly: it is for the eye.
func share(a, all wallet.Amount) float64 {
	q, err := a.QuoRound(all, 4, wallet.RoundHalfEven)
	if err != nil {
		return 0
	}
	f, _ := strconv.ParseFloat(q.String(), 64)
	return f
}

// sortNewestFirst puts points in order of their instants; purchases are booked before they are settled.
func sortNewestFirst(points []point) {
	slices.SortStableFunc(points, func(a, b point) int { return b.At.Compare(a.At) })
}

// ViewWidth and ViewHeight leave room for the strokes.
func (c *chart) ViewWidth() int  { return c.Width + 8 }
func (c *chart) ViewHeight() int { return c.Height + 10 }
