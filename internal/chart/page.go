package chart

import (
	_ "embed" // the style sheets
	"io"
	"unicode/utf8"
)

//go:embed chart.css
var chartStyle string

//go:embed page.css
var pageStyle string

// Page writes a whole HTML page that loads nothing and runs no script.
func Page(w io.Writer, title string, body *Writer) error {
	var page Writer
	page.Raw("<!DOCTYPE html>\n" + `<html lang="en"><head><meta charset="utf-8"/>
<meta name="viewport" content="width=device-width, initial-scale=1"/>
<meta name="color-scheme" content="light dark"/>
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'; img-src data:"/>
<link rel="icon" href="data:,"/>
`)
	page.Raw("<title>%s</title>\n<style>", title)
	page.b.WriteString(chartStyle + pageStyle)
	page.Raw("</style></head>\n<body>\n")
	page.b.WriteString(body.String())
	page.Raw("</body></html>\n")
	_, err := io.WriteString(w, page.String())
	return err
}

// Image collects drawings and texts, one below the other.
type Image struct {
	w Writer
	y float64
}

const (
	imageWidth  = 960.0
	imageMargin = 24.0
	inner       = imageWidth - 2*imageMargin
)

// Text writes a paragraph, in lines that fit. Class is "h1", "h2" or "p".
func (m *Image) Text(class, text string) {
	size := map[string]float64{"h1": 22, "h2": 17}[class]
	if size == 0 {
		size = 13
	}
	for _, line := range lines(text, int(inner/size/0.56)) {
		m.y += size * 1.4
		m.w.Raw(`<text class="%s" x="%v" y="%v">%s</text>`, class, imageMargin, m.y, line)
	}
	m.y += size * 0.4
}

// lines breaks a text at spaces, and within a word that is too long.
func lines(text string, most int) []string {
	var out []string
	rest := []rune(text)
	for len(rest) > most {
		cut, skip := most, 0
		for i := most; i > most/2; i-- {
			if rest[i] == ' ' {
				cut, skip = i, 1
				break
			}
		}
		out = append(out, string(rest[:cut]))
		rest = rest[cut+skip:]
	}
	return append(out, string(rest))
}

// Gap leaves some room.
func (m *Image) Gap(pixels float64) { m.y += pixels }

// Draw adds a drawing with its heading.
func (m *Image) Draw(d Drawing) {
	h := d.heading()
	m.y += 16
	m.w.Raw(`<text class="p" x="%v" y="%v"><tspan class="strong">%s</tspan> <tspan class="soft">%s</tspan></text>`, imageMargin, m.y, h.Title, h.Note)
	x := imageMargin + 8*float64(utf8.RuneCountInString(h.Title)+utf8.RuneCountInString(h.Note)) + 24
	for i, k := range h.Keys {
		wide := 28 + 7.5*float64(utf8.RuneCountInString(k.Name)) + 18
		if x+wide > imageWidth-imageMargin && i > 0 {
			x, m.y = imageMargin, m.y+18
		}
		swatch(&m.w, k, x, m.y-4)
		m.w.Raw(`<text class="t" x="%v" y="%v">%s</text>`, x+28, m.y, k.Name)
		x += wide
	}
	m.y += 4
	m.w.Raw(`<svg x="%v" y="%v" width="%v" height="%v">`, imageMargin, m.y, gutterWidth, d.height())
	d.gutter(&m.w)
	m.w.Raw(`</svg><svg class="x" x="%v" y="%v" width="%v" height="%v"><desc>%s</desc>`, imageMargin+gutterWidth, m.y, inner-gutterWidth, d.height(), h.Title+". "+h.Summary)
	d.body(&m.w)
	m.w.Raw("</svg>\n")
	m.y += d.height() + 6
}

// Write writes the image as a file of its own.
func (m *Image) Write(w io.Writer, summary string) error {
	var file Writer
	tall := m.y + imageMargin
	file.Raw(`<svg xmlns="http://www.w3.org/2000/svg" width="%v" height="%v" viewBox="0 0 %v %v" role="img" aria-label="%s">`+"\n<style>", imageWidth, tall, imageWidth, tall, summary)
	file.b.WriteString(chartStyle)
	file.Raw("</style>\n<rect class=\"bg\" width=\"100%%\" height=\"100%%\"/>\n")
	file.b.WriteString(m.w.String())
	file.Raw("</svg>\n")
	_, err := io.WriteString(w, file.String())
	return err
}
