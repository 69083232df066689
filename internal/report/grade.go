package report

import "github.com/ductile-go/ductile/internal/chart"

// Grade is a shape with a colour. A word stands beside it.
type Grade struct{ Word, Emoji, class, shape string }

// The grades: a tick, a triangle, a cross.
var (
	Good = Grade{"met", "✅", "ok", "M6.2 13.2 1 8l1.9-1.9 3.3 3.4 7-7L15 4.4z"}
	Fair = Grade{"suffers", "⚠️", "warn", "M8 1.5 15.5 14.5H.5zM7 6v4.5h2V6zm0 5.5V13h2v-1.5z"}
	Bad  = Grade{"failed", "❌", "bad", "M3.2 1.3 8 6.1l4.8-4.8 1.9 1.9L9.9 8l4.8 4.8-1.9 1.9L8 9.9l-4.8 4.8-1.9-1.9L6.1 8 1.3 3.2z"}
)

// gradeOf returns the grade whose word a cell is, or none.
func gradeOf(cell string) Grade {
	for _, g := range []Grade{Good, Fair, Bad} {
		if cell == g.Word {
			return g
		}
	}
	return Grade{}
}

// HTML writes the shape, and nothing for no grade.
func (g Grade) HTML(b *chart.Writer) {
	if g.shape != "" {
		b.Raw(`<svg class="mark %s" viewBox="0 0 16 16" aria-hidden="true"><path d="%s"/></svg>`, g.class, g.shape)
	}
}
