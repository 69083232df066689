package main

import (
	"bytes"
	"cmp"
	"fmt"
	"image/color"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"

	xfont "golang.org/x/image/font"
	"gonum.org/v1/plot"
	"gonum.org/v1/plot/font"
	"gonum.org/v1/plot/text"
	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"

	"github.com/ductile-go/ductile/bench/internal/runs"
)

// charted are the scenarios that the chart shows, and what it calls them.
var charted = []struct{ scenario, title string }{
	{"RetryFirst", "retry, first try succeeds"},
	{"RetryThird", "retry, third try succeeds"},
	{"ClosedRow", "closed circuit, in a row"},
	{"ClosedWindow", "closed circuit, time window"},
	{"Rejecting", "open circuit rejects"},
	{"TimeoutIgnored", "timeout, callee ignores it"},
	{"TimeoutWaited", "timeout, callee waits on it"},
	{"Four", "fallback > retry > breaker > timeout"},
}

// uncharted are contenders that would crowd the chart and say little.
var uncharted = []string{"bare", "mutex", "ductile", "ductile-pipeline", "ductile-abandon"}

var (
	peerColor  = color.RGBA{R: 0x4c, G: 0x78, B: 0xa8, A: 0xff}
	fastColor  = color.RGBA{R: 0xe4, G: 0x57, B: 0x56, A: 0xff}
	stdColor   = color.RGBA{R: 0x9a, G: 0x9a, B: 0x9a, A: 0xff}
	titleColor = color.RGBA{R: 0x22, G: 0x22, B: 0x22, A: 0xff}
	lineColor  = color.RGBA{R: 0xdd, G: 0xdd, B: 0xdd, A: 0xff}
)

// line is one line of the chart: a title, or a bar.
type line struct {
	title string
	lib   string
	ratio float64
}

// lines lists the chart from the top: each scenario's title, then its libraries, the
// quickest first.
func lines(rs *runs.Runs) (all []line) {
	for _, c := range charted {
		bars := []line{}
		for _, lib := range contenders(rs, c.scenario) {
			r := ratio(rs, runs.Key{Scenario: c.scenario, Lib: lib, Mode: "serial"})
			if r > 0 && !slices.Contains(uncharted, lib) {
				bars = append(bars, line{lib: lib, ratio: r})
			}
		}
		slices.SortFunc(bars, func(a, b line) int { return cmp.Compare(a.ratio, b.ratio) })
		if len(bars) > 0 {
			our := rs.Median(runs.Key{Scenario: c.scenario, Lib: ours, Mode: "serial"}, runs.Time)
			all = append(all, line{title: fmt.Sprintf("%s: ductile %s", c.title, duration(our))})
			all = append(all, bars...)
		}
	}
	return all
}

// bars draws lines as bars that begin at 1, which is ductile: to the right is
// slower, to the left faster.
type bars struct {
	lines []line
	text  text.Style
}

const (
	lineHeight vg.Length = 15 // points
	half                 = 0.36 * lineHeight
)

// Plot implements plot.Plotter.
func (b bars) Plot(c draw.Canvas, p *plot.Plot) {
	x, y := p.Transforms(&c)
	for _, tick := range p.X.Tick.Marker.Ticks(p.X.Min, p.X.Max) {
		if !tick.IsMinor() {
			c.StrokeLine2(draw.LineStyle{Color: lineColor, Width: vg.Points(0.5)}, x(tick.Value), c.Min.Y, x(tick.Value), c.Max.Y)
		}
	}
	c.StrokeLine2(draw.LineStyle{Color: titleColor, Width: vg.Points(1)}, x(1), c.Min.Y, x(1), c.Max.Y)
	for i, l := range b.lines {
		middle := y(float64(len(b.lines) - i))
		style := b.text
		if l.title != "" {
			style.Color = titleColor
			style.Font.Weight = xfont.WeightBold
			above := middle + 0.6*lineHeight
			c.FillPolygon(color.White, rectangle(c.Min.X, middle-half, c.Min.X+style.Width(l.title)+vg.Points(8), middle+half))
			c.StrokeLine2(draw.LineStyle{Color: lineColor, Width: vg.Points(1)}, c.Min.X, above, c.Max.X, above)
			c.FillText(style, vg.Point{X: c.Min.X + vg.Points(4), Y: middle}, l.title)
			continue
		}
		from, to := x(1), x(l.ratio)
		c.FillPolygon(barColor(l), rectangle(from, middle-half, to, middle+half))
		c.FillText(style, vg.Point{X: max(from, to) + vg.Points(4), Y: middle}, multiple(l.ratio)+"×  "+l.lib)
	}
}

func rectangle(x1, y1, x2, y2 vg.Length) []vg.Point {
	return []vg.Point{{X: x1, Y: y1}, {X: x2, Y: y1}, {X: x2, Y: y2}, {X: x1, Y: y2}}
}

func barColor(l line) color.Color {
	switch {
	case slices.Contains(yardsticks, l.lib):
		return stdColor
	case l.ratio < 1:
		return fastColor
	}
	return peerColor
}

// drawChart writes the chart to a file whose ending says how.
func drawChart(rs *runs.Runs, file string) error {
	all := lines(rs)
	if len(all) == 0 {
		return nil // a run of other scenarios
	}
	p := plot.New()
	p.BackgroundColor = color.White
	p.Title.Text = "Time of a call as a multiple of ductile's (shorter is faster, serial, logarithmic)"
	p.Title.TextStyle.Font = sans(12)
	p.Title.Padding = vg.Points(8)
	p.X.Scale = plot.LogScale{}
	p.X.Tick.Marker = plot.ConstantTicks(ticks)
	p.X.Tick.Label.Font = sans(9)
	p.X.Min, p.X.Max = limits(all)
	p.HideY()
	p.Y.Min, p.Y.Max = 0.3, float64(len(all))+0.8
	p.Add(bars{lines: all, text: text.Style{
		Color: color.Black, Font: sans(9),
		YAlign: text.YCenter, Handler: plot.DefaultTextHandler,
	}})
	for _, entry := range []struct {
		name string
		is   color.Color
	}{{"slower than ductile", peerColor}, {"faster than ductile", fastColor}, {"context.WithTimeout", stdColor}} {
		p.Legend.Add(entry.name+"      ", swatch{entry.is}) // room for readers whose font is wider
	}
	p.Legend.Top = false
	p.Legend.TextStyle.Font = sans(9)
	p.Legend.Padding = vg.Points(3)
	p.Legend.XOffs, p.Legend.YOffs = -vg.Points(8), vg.Points(6)
	return save(p, lineHeight*vg.Length(len(all))+vg.Points(70), file)
}

// sans is the font of everything, in points.
func sans(size float64) font.Font {
	return font.Font{Typeface: "Liberation", Variant: "Sans", Size: vg.Points(size)}
}

// save names fonts that readers have, of the widths that were reckoned with.
func save(p *plot.Plot, height vg.Length, file string) error {
	w, err := p.WriterTo(vg.Points(680), height, strings.TrimPrefix(filepath.Ext(file), "."))
	if err != nil {
		return err
	}
	var out bytes.Buffer
	if _, err := w.WriteTo(&out); err != nil {
		return err
	}
	data := bytes.ReplaceAll(out.Bytes(), []byte("font-family:Liberation Sans"), []byte("font-family:Arial,Helvetica,sans-serif"))
	return os.WriteFile(file, data, 0o644)
}

// limits leaves room for the labels to the right of the longest bar.
func limits(all []line) (lo, hi float64) {
	lo, hi = 0.5, 2
	for _, l := range all {
		if l.title == "" {
			lo, hi = min(lo, l.ratio/1.3), max(hi, l.ratio)
		}
	}
	return lo, hi * math.Pow(hi/lo, 0.25)
}

var ticks = []plot.Tick{
	{Value: 0.01, Label: "0.01×"}, {Value: 0.1, Label: "0.1×"}, {Value: 0.2, Label: "0.2×"}, {Value: 0.5, Label: "0.5×"},
	{Value: 1, Label: "1"}, {Value: 2, Label: "2×"}, {Value: 5, Label: "5×"}, {Value: 10, Label: "10×"}, {Value: 20, Label: "20×"},
	{Value: 50, Label: "50×"}, {Value: 100, Label: "100×"}, {Value: 200, Label: "200×"}, {Value: 1000, Label: "1000×"},
}

// swatch is a patch of colour in the legend.
type swatch struct{ color.Color }

// Thumbnail implements plot.Thumbnailer.
func (s swatch) Thumbnail(c *draw.Canvas) {
	c.FillPolygon(s.Color, rectangle(c.Min.X, c.Min.Y, c.Max.X, c.Max.Y))
}
