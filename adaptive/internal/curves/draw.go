package main

import (
	"fmt"
	"math"
	"strings"
	"time"

	"github.com/ductile-go/ductile/adaptive/internal/sim"
)

// The size of a drawing, and of the two panels in it, in pixels.
const (
	width, height = 760, 330
	panelWidth    = 300
	panelHeight   = 210
	panelTop      = 60
	left, apart   = 60, 375
)

// style follows the reader's color scheme. Lines differ in their dashes too.
const style = `
	svg { background: #fff; font: 12px system-ui, sans-serif; fill: #222; }
	.title { font-size: 14px; font-weight: 600; }
	.grid { stroke: #ddd; }
	.line { fill: none; stroke-width: 2; }
	.c0 { stroke: #0a6; } .c1 { stroke: #06c; stroke-dasharray: 7 3; }
	.c2 { stroke: #c50; stroke-dasharray: 2 3; } .c3 { stroke: #a3a; stroke-dasharray: 9 3 2 3; }
	@media (prefers-color-scheme: dark) {
		svg { background: #111; fill: #ddd; } .grid { stroke: #333; }
		.c0 { stroke: #3d9; } .c1 { stroke: #6af; } .c2 { stroke: #f95; } .c3 { stroke: #d7d; }
	}
`

// panel is one of the two plots of a drawing. Its values have a logarithmic scale.
type panel struct {
	x     int
	title string
	ticks []float64 // from the lowest value to the highest
	value func(sim.Row) float64
}

func panels(s scene) []panel {
	limit := "limit"
	if s.clients > 1 {
		limit = "sum of the limits"
	}
	return []panel{
		{left, limit, []float64{1, 10, 100, 1000, 10000}[:4+s.clients/10], func(r sim.Row) float64 { return float64(r.Limit()) }},
		{left + apart, "mean latency in ms", []float64{50, 100, 1000, 10000, 100000}[:4+s.clients/10], func(r sim.Row) float64 {
			return float64(r.Mean) / float64(time.Millisecond)
		}},
	}
}

// draw runs the contenders and returns the SVG.
func (s scene) draw() string {
	var b strings.Builder
	fmt.Fprintf(&b, `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 %d %d" role="img" aria-label="%s">`+"\n", width, height, s.title)
	fmt.Fprintf(&b, "<style>%s</style>\n", style)
	fmt.Fprintf(&b, `<text class="title" x="%d" y="20">%s</text>`+"\n", left, s.title)
	shown := panels(s)
	last := s.phases[len(s.phases)-1].Until
	for _, p := range shown {
		p.frame(&b, last)
	}
	for i, c := range s.limiters {
		rows := s.rows(c)
		for _, p := range shown {
			fmt.Fprintf(&b, `<polyline class="line c%d" points="%s"/>`+"\n", i, p.points(rows, last))
		}
		x := left + 170*i
		fmt.Fprintf(&b, `<path class="line c%d" d="M%d %d h30"/><text x="%d" y="%d">%s</text>`+"\n", i, x, height-14, x+36, height-10, c.name)
	}
	b.WriteString("</svg>\n")
	return b.String()
}

// frame draws the grid of a panel and its scales.
func (p panel) frame(b *strings.Builder, last time.Duration) {
	fmt.Fprintf(b, `<text x="%d" y="%d">%s</text>`+"\n", p.x, panelTop-10, p.title)
	for _, v := range p.ticks {
		y := p.y(v)
		fmt.Fprintf(b, `<path class="grid" d="M%d %.1f h%d"/><text x="%d" y="%.1f" text-anchor="end">%v</text>`+"\n", p.x, y, panelWidth, p.x-6, y+4, int(v))
	}
	for at := time.Duration(0); at <= last; at += 100 * time.Second {
		fmt.Fprintf(b, `<text x="%.1f" y="%d" text-anchor="middle">%v s</text>`+"\n", p.at(at, last), panelTop+panelHeight+18, at.Seconds())
	}
}

func (p panel) points(rows []sim.Row, last time.Duration) string {
	points := make([]string, len(rows))
	for i, r := range rows {
		points[i] = fmt.Sprintf("%.1f,%.1f", p.at(r.At, last), p.y(p.value(r)))
	}
	return strings.Join(points, " ")
}

func (p panel) at(t, last time.Duration) float64 {
	return float64(p.x) + panelWidth*t.Seconds()/last.Seconds()
}

// y returns the place of a value, within the panel.
func (p panel) y(v float64) float64 {
	lowest, highest := p.ticks[0], p.ticks[len(p.ticks)-1]
	share := math.Log(max(lowest, min(highest, v))/lowest) / math.Log(highest/lowest)
	return panelTop + panelHeight*(1-share)
}
