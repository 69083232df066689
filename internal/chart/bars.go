package chart

// Bars are stretches around a base, one a row: a tornado chart.
type Bars struct {
	Heading
	X    Axis
	Base float64
	Rows []Bar
}

// Bar is one row. Low and High are what the low and the high setting lead to; either may
// lie on any side of the base.
type Bar struct {
	Label               string
	Low, High           float64
	LowLabel, HighLabel string // the settings
	Text                string // the tooltip
}

const barRow = 44.0

func (b *Bars) heading() Heading {
	h := b.Heading
	h.Keys = append(h.Keys, Key{"low setting", "b low", true}, Key{"high setting", "b high", true})
	return h
}

func (b *Bars) height() float64 { return top + barRow*float64(len(b.Rows)) + bottom }

func (b *Bars) gutter(w *Writer) {
	for i := range b.Rows {
		w.Raw(`<text class="t" x="%v" y="%v" text-anchor="end">%d</text>`, gutterWidth-6, top+barRow*float64(i)+32, i+1)
	}
}

func (b *Bars) body(w *Writer) {
	tall := barRow * float64(len(b.Rows))
	for _, v := range b.X.Ticks {
		at := b.X.part(v) * 100
		w.Raw(`<line class="grid" x1="%v%%" x2="%v%%" y1="%v" y2="%v"/>`, at, at, top, top+tall)
	}
	for i, r := range b.Rows {
		y := top + barRow*float64(i)
		w.Raw(`<text class="t strong" x="0" y="%v">%s</text>`, y+14, r.Label)
		b.half(w, "b low", r.Low, y+20, r.Text)
		b.half(w, "b high", r.High, y+30, r.Text)
		b.value(w, r.Low, y+28, r.LowLabel)
		b.value(w, r.High, y+38, r.HighLabel)
	}
	at := b.X.part(b.Base) * 100
	w.Raw(`<line class="base" x1="%v%%" x2="%v%%" y1="%v" y2="%v"><title>as it is: %s</title></line>`, at, at, top, top+tall, b.X.label(b.Base))
	b.X.bottomLabels(w, top+tall)
}

// half draws one bar from the base to v.
func (b *Bars) half(w *Writer, class string, v, y float64, text string) {
	if !finite(v) {
		return
	}
	from, to := b.X.part(min(v, b.Base))*100, b.X.part(max(v, b.Base))*100
	w.Raw(`<rect class="%s" x="%v%%" y="%v" width="%v%%" height="9"><title>%s</title></rect>`, class, from, y, max(to-from, 0.3), text)
}

// value writes a setting beside the end of its bar, or on the other side of the base if
// there is no room.
func (b *Bars) value(w *Writer, v, y float64, label string) {
	if !finite(v) {
		return
	}
	at, base := b.X.part(v)*100, b.X.part(b.Base)*100
	x, left := at, v < b.Base
	switch {
	case left && at < 15:
		x, left = base, false
	case !left && at > 75:
		x, left = base, true
	}
	if left {
		w.Raw(`<text class="t small" x="%v%%" dx="-5" y="%v" text-anchor="end">%s</text>`, x, y, label)
		return
	}
	w.Raw(`<text class="t small" x="%v%%" dx="5" y="%v">%s</text>`, x, y, label)
}
