package sim

import (
	"io"

	"github.com/ductile-go/ductile/internal/chart"
	"github.com/ductile-go/ductile/internal/report"
)

// WriteSVG writes the plots of all variants as one SVG image, with the verdicts above them.
// The image has no script, and follows the dark mode of the system. The same report gives
// the same bytes.
func (r *Report) WriteSVG(w io.Writer) error {
	var m chart.Image
	m.Gap(6)
	m.Text("h1", report.Sentence(r.Verdict()))
	for _, f := range r.facts() {
		m.Text("p", f.Name+": "+f.Text)
	}
	f := r.frame()
	if len(r.Results) > 1 {
		m.Gap(10)
		for _, p := range r.overlays(f) {
			m.Draw(p)
		}
	}
	for _, x := range r.Results {
		m.Gap(18)
		if len(r.Results) > 1 {
			m.Text("h2", label(x.Variant))
			m.Text("p", report.Sentence(x.verdict(r)))
		}
		for _, p := range x.pipelines() {
			m.Text("p", p.Name+": "+p.Text)
		}
		for _, p := range f.panels(x) {
			m.Draw(p)
		}
	}
	return m.Write(w, report.Sentence(r.Verdict()))
}
