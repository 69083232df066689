// Package chart draws plots as SVG: lines over time, heat maps, and bars. A plot takes the
// width that it is given, and needs no script. Its colours follow the system's dark mode.
// Drawing the same plot twice gives the same bytes.
package chart

import (
	"encoding/xml"
	"fmt"
	"math"
	"strconv"
	"strings"
)

// Writer collects markup. Its zero value is empty.
type Writer struct{ b strings.Builder }

// String returns what was written.
func (w *Writer) String() string { return w.b.String() }

// Raw writes markup. Arguments are texts, which are escaped, or numbers.
func (w *Writer) Raw(format string, args ...any) {
	for i, a := range args {
		switch a := a.(type) {
		case string:
			args[i] = escape(a)
		case float64:
			args[i] = decimal(a)
		}
	}
	fmt.Fprintf(&w.b, format, args...)
}

// escape returns s as text of an element or a quoted attribute, in HTML and in XML.
// Characters that XML does not allow become U+FFFD.
func escape(s string) string {
	var b strings.Builder
	_ = xml.EscapeText(&b, []byte(s)) // a Builder does not fail
	return b.String()
}

// decimal writes a coordinate with two decimals at most.
func decimal(v float64) string {
	if math.IsNaN(v) || math.IsInf(v, 0) {
		return "0"
	}
	text := strings.TrimRight(strings.TrimRight(strconv.FormatFloat(v, 'f', 2, 64), "0"), ".")
	if text == "-0" {
		return "0"
	}
	return text
}

// Drawing is one plot.
type Drawing interface {
	heading() Heading
	height() float64
	gutter(w *Writer) // the labels of the vertical axis, right of x = 0, in a width of gutterWidth
	body(w *Writer)   // in any width, by percentages
}

// Heading is what stands above a plot.
type Heading struct {
	Title   string
	Note    string // what is drawn, and its unit
	Summary string // what the plot shows, for a screen reader
	Keys    []Key
}

// Key is one entry of the legend.
type Key struct {
	Name  string
	Class string // of the swatch
	Block bool   // an area and no line
}

const (
	gutterWidth = 52.0
	top         = 8.0  // above a plot, for half a label
	bottom      = 20.0 // below it, for the labels
)

// HTML writes a plot as a figure that takes the width of its page.
func HTML(w *Writer, d Drawing) {
	h := d.heading()
	w.Raw(`<figure><figcaption><b>%s</b> <span class="note">%s</span>`, h.Title, h.Note)
	if len(h.Keys) > 0 {
		w.Raw(`<span class="keys">`)
		for _, k := range h.Keys {
			w.Raw(`<span class="key"><svg width="22" height="10" aria-hidden="true">`)
			swatch(w, k, 0, 5)
			w.Raw(`</svg>%s</span> `, k.Name)
		}
		w.Raw(`</span>`)
	}
	w.Raw(`</figcaption><div class="axes"><svg class="y" width="%v" height="%v" aria-hidden="true">`, gutterWidth, d.height())
	d.gutter(w)
	w.Raw(`</svg><svg class="x" width="100%%" height="%v" role="img" aria-label="%s">`, d.height(), h.Title+". "+h.Summary)
	d.body(w)
	w.Raw("</svg></div></figure>\n")
}

func swatch(w *Writer, k Key, x, y float64) {
	if k.Block {
		w.Raw(`<rect class="%s" x="%v" y="%v" width="22" height="10"/>`, k.Class, x, y-5)
		return
	}
	w.Raw(`<line class="%s" x1="%v" x2="%v" y1="%v" y2="%v"/>`, k.Class, x, x+22, y, y)
}
