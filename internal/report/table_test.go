package report

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/ductile-go/ductile/internal/chart"
)

var people = Table{Head: []string{"", "a", "b|c"}, Rows: [][]string{{"x", "1", "2"}, {"<y>", "3", "*4*"}}}

func TestATableIsWrittenForEachReader(t *testing.T) {
	var b strings.Builder
	people.Text(&b)
	assert.Equal(t, "       a  b|c\n    x  1    2\n  <y>  3  *4*\n", b.String())
	b.Reset()
	people.Markdown(&b)
	assert.Equal(t, "\n|  | a | b\\|c |\n| --- | ---: | ---: |\n| x | 1 | 2 |\n| &lt;y> | 3 | \\*4\\* |\n", b.String())
	var w chart.Writer
	people.HTML(&w)
	assert.Contains(t, w.String(), `<th scope="row">&lt;y&gt;</th><td data-label="a">3</td>`)
	assert.Contains(t, w.String(), `<tr><td></td><th scope="col">a</th>`)
	turned := people.Turned()
	assert.Equal(t, Table{Head: []string{"", "x", "<y>"}, Rows: [][]string{{"a", "1", "3"}, {"b|c", "2", "*4*"}}}, turned)
}

func TestAGradeIsAWordAndAShape(t *testing.T) {
	results := Table{Caption: "Checks", Words: true, Wide: true, Head: []string{Result, "what"}, Rows: [][]string{{Good.Word, "x"}, {Bad.Word, "y"}}}
	var w chart.Writer
	results.HTML(&w)
	assert.Contains(t, w.String(), `<svg class="mark ok" viewBox="0 0 16 16" aria-hidden="true">`)
	assert.Contains(t, w.String(), `</svg>failed</th>`)
	assert.Contains(t, w.String(), `<table class="words wide"><caption>Checks</caption>`)
	var b strings.Builder
	results.Markdown(&b)
	assert.Contains(t, b.String(), "| ✅ met | x |\n| ❌ failed | y |\n")
	plain := Table{Head: []string{"variant"}, Rows: [][]string{{Bad.Word}}}
	w = chart.Writer{}
	plain.HTML(&w)
	assert.NotContains(t, w.String(), "mark", "a variant of that name has no grade")
}

func TestAnEmptyTableIsNothing(t *testing.T) {
	var b strings.Builder
	var w chart.Writer
	none := Table{Head: []string{"a", "b"}}
	none.Text(&b)
	none.Markdown(&b)
	none.HTML(&w)
	assert.Empty(t, b.String()+w.String())
	assert.Empty(t, none.Turned().Rows)
}

func TestMarkdownKeepsTextAsItIs(t *testing.T) {
	assert.Equal(t, `\*bold\* \_x\_ &lt;b> @&#8203;user #&#8203;1 \|`, Markdown("*bold* _x_ <b> @user #1 |"))
	assert.Equal(t, `see https:&#47;/example.org, www\.example.org or a@&#8203;example.org`, Markdown("see https://example.org, www.example.org or a@example.org"))
	assert.Equal(t, "a\uFFFD[31mb", Clean("a\x1b[31mb"))
}

func TestSentencesAndNames(t *testing.T) {
	assert.Equal(t, "", Sentence(""))
	assert.Equal(t, "Émile recovers.", Sentence("émile recovers"))
	assert.Equal(t, "short", Short("short"))
	assert.Equal(t, 60, len([]rune(Short(strings.Repeat("é", 90)))))
	assert.Equal(t, "a, b and c", List([]string{"a", "b", "c"}))
	assert.Equal(t, "2 calls", Count(2, "call"))
	assert.Equal(t, "is", Plural(1, "is", "are"))
}
