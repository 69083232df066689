package main

import (
	"bytes"
	"fmt"
	"io"
	"math"
	"slices"
	"text/tabwriter"
	"time"
)

// result is what the calls of one variant took.
type result struct {
	title string
	took  []time.Duration // sorted when first asked
	extra float64         // attempts beyond one a call, as a share of the calls
}

func (r *result) add(d time.Duration) { r.took = append(r.took, d) }

// quantile returns the q-quantile by nearest rank.
func (r *result) quantile(q float64) time.Duration {
	slices.Sort(r.took)
	return r.took[int(math.Ceil(q*float64(len(r.took))))-1].Round(100 * time.Microsecond)
}

var quantiles = []struct {
	name string
	q    float64
}{{"p50", 0.5}, {"p99", 0.99}, {"p99.9", 0.999}}

func table(out io.Writer, results []result) {
	w := tabwriter.NewWriter(out, 0, 0, 3, ' ', 0)
	fmt.Fprintf(w, "%d calls", calls)
	for _, q := range quantiles {
		fmt.Fprintf(w, "\t%s", q.name)
	}
	fmt.Fprintf(w, "\textra attempts\n")
	for _, r := range results {
		fmt.Fprintf(w, "%s", r.title)
		for _, q := range quantiles {
			fmt.Fprintf(w, "\t%v", r.quantile(q.q))
		}
		fmt.Fprintf(w, "\t%.1f %%\n", 100*r.extra)
	}
	_ = w.Flush()
}

// The chart's measures, in pixels.
const (
	width  = 640
	left   = 210
	scale  = 120 // a power of ten
	bar    = 18
	gap    = 30
	origin = 5 * time.Millisecond // where the bars begin
)

var colors = []string{"#9a9a9a", "#e45756", "#4c78a8"}

// chart returns the quantiles as bars on a logarithmic scale, as SVG.
func chart(results []result) []byte {
	var svg bytes.Buffer
	height := len(quantiles)*(len(results)*bar+gap) + 10
	fmt.Fprintf(&svg, `<svg xmlns="http://www.w3.org/2000/svg" width="%d" height="%d" font-family="sans-serif" font-size="12">`+"\n", width, height)
	y := 0
	for _, q := range quantiles {
		y += gap
		fmt.Fprintf(&svg, `<text x="10" y="%d" font-weight="bold">%s</text>`+"\n", y-6, q.name)
		for i, r := range results {
			d := r.quantile(q.q)
			length := scale * math.Log10(float64(d)/float64(origin))
			fmt.Fprintf(&svg, `<text x="%d" y="%d" text-anchor="end">%s</text>`+"\n", left-10, y+bar-5, r.title)
			fmt.Fprintf(&svg, `<rect x="%d" y="%d" width="%.1f" height="%d" fill="%s"/>`+"\n", left, y, length, bar-3, colors[i])
			fmt.Fprintf(&svg, `<text x="%.1f" y="%d">%v</text>`+"\n", left+length+6, y+bar-5, d)
			y += bar
		}
	}
	svg.WriteString("</svg>\n")
	return svg.Bytes()
}
