package chart

import (
	"math"
	"strings"
)

// Plot is lines over a common axis.
type Plot struct {
	Heading // Keys are those of the lines
	X, Y    Axis
	Tall    float64 // of the area, in pixels; 0 means 100
	Shades  []Shade
	Lines   []Line
	Hits    []Hit
}

// Shade is a stretch of the horizontal axis that is set off.
type Shade struct {
	From, To float64
	Label    string // a tooltip
	Show     bool   // Label is drawn above as well
}

// Line is one line. Points that are not numbers are gaps.
type Line struct {
	Name  string
	Color int  // 0 to 7
	Dash  int  // 0 is solid, 1 dashed, 2 dotted
	Fill  bool // the area below
	Marks bool // a mark at each point
	X, Y  []float64
}

// Hit is a column with a tooltip.
type Hit struct {
	From, To float64
	Text     string
}

func (l Line) class() string {
	return "l c" + string(rune('0'+l.Color%8)) + " d" + string(rune('0'+l.Dash%3))
}

func (p *Plot) heading() Heading {
	h := p.Heading
	for _, l := range p.Lines {
		if l.Name != "" {
			h.Keys = append(h.Keys, Key{Name: l.Name, Class: l.class()})
		}
	}
	return h
}

func (p *Plot) tall() float64 {
	if p.Tall > 0 {
		return p.Tall
	}
	return 100
}

func (p *Plot) height() float64 { return p.top() + p.tall() + bottom }

// top leaves room for the labels of the shades.
func (p *Plot) top() float64 {
	for _, s := range p.Shades {
		if s.Show {
			return top + 12
		}
	}
	return top
}

func (p *Plot) y(v float64) float64 { return p.top() + p.tall()*(1-p.Y.part(v)) }

func (p *Plot) gutter(w *Writer) {
	for _, v := range p.Y.Ticks {
		w.Raw(`<text class="t" x="%v" y="%v" text-anchor="end">%s</text>`, gutterWidth-6, p.y(v)+4, p.Y.label(v))
	}
}

func (p *Plot) body(w *Writer) {
	shades(w, p.Shades, p.X, p.top(), p.tall())
	for _, v := range p.Y.Ticks {
		w.Raw(`<line class="grid" x1="0" x2="100%%" y1="%v" y2="%v"/>`, p.y(v), p.y(v))
	}
	w.Raw(`<svg y="%v" width="100%%" height="%v" viewBox="0 0 1000 %v" preserveAspectRatio="none" overflow="visible">`, p.top(), p.tall(), p.tall())
	for _, l := range p.Lines {
		p.line(w, l)
	}
	w.Raw(`</svg>`)
	for _, l := range p.Lines {
		p.marks(w, l)
	}
	for _, h := range p.Hits {
		from, to := p.X.part(h.From)*100, p.X.part(h.To)*100
		w.Raw(`<rect class="hit" x="%v%%" y="%v" width="%v%%" height="%v"><title>%s</title></rect>`, from, p.top(), to-from, p.tall(), h.Text)
	}
	p.X.bottomLabels(w, p.top()+p.tall())
}

// line writes a line as one path, in a box that is 1000 wide.
func (p *Plot) line(w *Writer, l Line) {
	var path, area strings.Builder
	open, start, last := false, 0.0, 0.0
	down := func() {
		if open {
			area.WriteString("L" + decimal(last) + " " + decimal(p.tall()) + "L" + decimal(start) + " " + decimal(p.tall()) + "Z")
		}
		open = false
	}
	for i, v := range l.Y[:min(len(l.X), len(l.Y))] {
		if !finite(v) || !finite(l.X[i]) {
			down()
			continue
		}
		x := p.X.part(l.X[i]) * 1000
		at := decimal(x) + " " + decimal(p.y(v)-p.top())
		move := "L"
		if !open {
			move, start = "M", x
		}
		open, last = true, x
		path.WriteString(move + at)
		area.WriteString(move + at)
	}
	down()
	if l.Fill {
		w.Raw(`<path class="f c%d" d="%s"/>`, l.Color%8, area.String())
	}
	w.Raw(`<path class="%s" d="%s"/>`, l.class(), path.String())
}

func (p *Plot) marks(w *Writer, l Line) {
	if !l.Marks {
		return
	}
	for i, v := range l.Y[:min(len(l.X), len(l.Y))] {
		if finite(v) && finite(l.X[i]) {
			w.Raw(`<circle class="m c%d" cx="%v%%" cy="%v" r="3.5"/>`, l.Color%8, p.X.part(l.X[i])*100, p.y(v))
		}
	}
}

func finite(v float64) bool { return !math.IsNaN(v) && !math.IsInf(v, 0) }

func shades(w *Writer, all []Shade, x Axis, y, tall float64) {
	for _, s := range all {
		from, to := x.part(s.From)*100, x.part(s.To)*100
		w.Raw(`<rect class="shade" x="%v%%" y="%v" width="%v%%" height="%v"><title>%s</title></rect>`, from, y, max(to-from, 0.3), tall, s.Label)
		for _, edge := range []float64{from, to} {
			w.Raw(`<line class="edge" x1="%v%%" x2="%v%%" y1="%v" y2="%v"/>`, edge, edge, y, y+tall)
		}
		if !s.Show {
			continue
		}
		at, anchor := from, "start"
		if from > 60 {
			at, anchor = to, "end"
		}
		w.Raw(`<text class="t" x="%v%%" y="%v" text-anchor="%s">%s</text>`, at, y-5, anchor, s.Label)
	}
}
