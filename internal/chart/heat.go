package chart

// Heat is rows of blocks over time.
type Heat struct {
	Heading
	X      Axis
	Shades []Shade
	Rows   []Row
}

// Row is one row.
type Row struct {
	Label  string
	Blocks []Block
}

// Block is a stretch of a row. Its height differs as well as its colour.
type Block struct {
	From, To float64
	Class    string
	Part     float64 // of the row's height, above 0 to 1
	Text     string  // the tooltip
}

func (h *Heat) heading() Heading { return h.Heading }

// row returns the height of a row: many are thin.
func (h *Heat) row() float64 { return min(max(240/float64(max(len(h.Rows), 1)), 4), 16) }

func (h *Heat) tall() float64 { return h.row() * float64(len(h.Rows)) }

func (h *Heat) height() float64 { return top + h.tall() + bottom }

func (h *Heat) gutter(w *Writer) {
	every := 1
	for h.row()*float64(every) < 12 {
		every++
	}
	for i, r := range h.Rows {
		if i%every == 0 {
			w.Raw(`<text class="t" x="%v" y="%v" text-anchor="end">%s</text>`, gutterWidth-6, top+h.row()*(float64(i)+0.5)+4, r.Label)
		}
	}
}

func (h *Heat) body(w *Writer) {
	tall := h.row()
	w.Raw(`<rect class="empty" y="%v" width="100%%" height="%v"/>`, top, h.tall())
	shades(w, h.Shades, h.X, top, h.tall())
	for i, r := range h.Rows {
		y := top + tall*float64(i)
		w.Raw(`<line class="grid" x1="0" x2="100%%" y1="%v" y2="%v"/>`, y, y)
		for _, b := range r.Blocks {
			from, to := h.X.part(b.From)*100, h.X.part(b.To)*100
			high := (tall - 1) * min(max(b.Part, 0), 1)
			w.Raw(`<rect class="%s" x="%v%%" y="%v" width="%v%%" height="%v"><title>%s</title></rect>`, b.Class, from, y+tall-high, max(to-from, 0.15), high, b.Text)
		}
	}
	w.Raw(`<line class="grid" x1="0" x2="100%%" y1="%v" y2="%v"/>`, top+h.tall(), top+h.tall())
	h.X.bottomLabels(w, top+h.tall())
}
