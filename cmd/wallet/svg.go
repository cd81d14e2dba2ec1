package main

import (
	"bytes"
	"fmt"
	"html"
	"math"
	"runtime"
)

// Colours and shapes of the stores. The colours can be told apart, from each other and from a light or dark ground.
var looks = map[string]struct{ colour, shape string }{
	"memory":   {"#d97706", "M0-5L5 4H-5Z"},
	"sqlite":   {"#3b82f6", "M-4-4H4V4H-4Z"},
	"postgres": {"#16a34a", "M0-5L5 0L0 5L-5 0Z"},
}

// The chart has a panel for each command (across) over each number of wallets (down). In each, a line is a store's.
const (
	panelWidth, panelHeight = 280, 190
	gap                     = 24
	left, top, bottom       = 64, 108, 24
)

// svg draws the chart.
func (r *results) svg() []byte {
	var b bytes.Buffer
	commands, wallets := r.bench.Command, r.bench.Wallets
	width := max(left+len(commands)*(panelWidth+gap), 720) // the legend needs some
	height := top + len(wallets)*(panelHeight+gap+20) + bottom
	title := "Commands a second, by callers"
	fmt.Fprintf(&b, `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 %d %d" width="%[1]d" height="%[2]d" role="img" aria-label="%s">
<style>
text { font: 12px system-ui, sans-serif; fill: #767676 }
.title { font-size: 16px; font-weight: 600 }
.middle { text-anchor: middle }
.end { text-anchor: end }
.grid { stroke: #888; stroke-opacity: .3; fill: none }
.raw { stroke: #888; stroke-dasharray: 5 4 }
.line { fill: none; stroke-width: 2 }
</style>
<text class="title" x="%d" y="24">%[3]s</text>
`, width, height, title, left)
	fmt.Fprintf(&b, `<text x="%d" y="44">%s</text>`+"\n", left, html.EscapeString(fmt.Sprintf("%s/%s, %s; both axes are logarithmic",
		runtime.GOOS, runtime.GOARCH, count(runtime.GOMAXPROCS(0), "processors"))))
	r.legend(&b)
	for i, n := range wallets {
		y := top + i*(panelHeight+gap+20)
		for j, command := range commands {
			r.panel(&b, left+j*(panelWidth+gap), y, command, n, j == 0)
		}
	}
	fmt.Fprintf(&b, `<text class="middle" x="%d" y="%d">callers at once</text>`+"\n</svg>\n", left+(len(commands)*(panelWidth+gap)-gap)/2, height-bottom)
	return b.Bytes()
}

func (r *results) legend(b *bytes.Buffer) {
	x := left
	for _, s := range r.bench.Store {
		fmt.Fprintf(b, `<path transform="translate(%d 62)" d="%s" fill="%s"/><text x="%d" y="66">%s</text>`+"\n",
			x+5, looks[s].shape, looks[s].colour, x+16, s)
		x += 90
	}
	fmt.Fprintf(b, `<path class="raw" d="M%d 62h24"/><text x="%d" y="66">raw: 4 KB overwritten and synced, one after the other: %s/s</text>`+"\n",
		x, x+30, rounded(r.raw()))
}

// panel draws what stores do of a command over so many wallets.
func (r *results) panel(b *bytes.Buffer, x, y int, command string, wallets int, labelled bool) {
	s, callers := r.scale(), r.bench.Callers
	down := func(rate float64) float64 { return float64(y) + panelHeight*(1-s.share(rate)) }
	across := func(n int) float64 {
		least, most := math.Log(float64(callers[0])), math.Log(float64(callers[len(callers)-1]))
		if least == most {
			return float64(x) + panelWidth/2
		}
		const margin = 12
		return float64(x) + margin + (panelWidth-2*margin)*(math.Log(float64(n))-least)/(most-least)
	}

	fmt.Fprintf(b, `<text x="%d" y="%d">%s, %s</text>`+"\n", x, y-6, command, count(wallets, "wallets"))
	for n := s.from; n <= s.to; n++ {
		at := down(math.Pow10(n))
		fmt.Fprintf(b, `<path class="grid" d="M%d %.1fh%d"/>`+"\n", x, at, panelWidth)
		if labelled {
			fmt.Fprintf(b, `<text class="end" x="%d" y="%.1f">%s/s</text>`+"\n", x-6, at+4, power(n))
		}
	}
	for _, n := range callers {
		fmt.Fprintf(b, `<path class="grid" d="M%.1f %dv%d"/><text class="middle" x="%.1f" y="%d">%s</text>`+"\n",
			across(n), y, panelHeight, across(n), y+panelHeight+16, number(n))
	}
	fmt.Fprintf(b, `<path class="raw" d="M%d %.1fh%d"/>`+"\n", x, down(r.raw()), panelWidth)
	for _, store := range r.bench.Store {
		look := looks[store]
		var line, points bytes.Buffer
		for _, c := range r.cells {
			if c.store != store || c.command != command || c.wallets != wallets {
				continue
			}
			step := "L"
			if line.Len() == 0 {
				step = "M"
			}
			fmt.Fprintf(&line, "%s%.1f %.1f", step, across(c.callers), down(c.rate))
			fmt.Fprintf(&points, `<path transform="translate(%.1f %.1f)" d="%s" fill="%s"><title>%s</title></path>`+"\n",
				across(c.callers), down(c.rate), look.shape, look.colour, html.EscapeString(fmt.Sprintf("%s: %s a second by %s, %s × raw, half of them within %s",
					store, rounded(c.rate), count(c.callers, "callers"), digits(c.rate/r.raw()), short(c.p50))))
		}
		if line.Len() > 0 {
			fmt.Fprintf(b, `<path class="line" stroke="%s" d="%s"/>`+"\n%s", look.colour, &line, &points)
		}
	}
}
