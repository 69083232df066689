package cli_test

import (
	"bytes"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/ductile-go/ductile/cmd/ductile/internal/cli"
)

func TestAValueIsAtItsOriginOrAtThatOfWhatItStandsIn(t *testing.T) {
	origins := map[string]string{
		"circuits.a.window":       "a:b.yaml:9:5",
		"circuits.a.failure_rate": "a:b.yaml:4:20",
		"circuits.b.window":       "a:b.yaml:4:3",
		"pipelines.p.total":       "SHOP__PIPELINES__P__TOTAL",
		"pipelines.q.total":       "f.yaml:7",
	}
	for path, want := range map[string]struct {
		file         string
		line, column int
	}{
		"circuits.a.window":      {"a:b.yaml", 9, 5},
		"circuits.a.slow_call":   {"a:b.yaml", 4, 20}, // a default, of the circuit whose first value this is
		"circuits.a":             {"a:b.yaml", 4, 20},
		"circuits":               {"a:b.yaml", 4, 3},
		"circuits.c.window":      {"a:b.yaml", 4, 3},
		"pipelines.p.total":      {"SHOP__PIPELINES__P__TOTAL", 0, 0},
		"pipelines.p.retry.x":    {"SHOP__PIPELINES__P__TOTAL", 0, 0},
		"pipelines.q.total":      {"f.yaml", 7, 0},
		"budgets.b.ratio":        {"", 0, 0},
		"circuits.a.window.more": {"a:b.yaml", 9, 5},
	} {
		file, line, column := cli.Place(origins, path)
		assert.Equal(t, want.file, file, path)
		assert.Equal(t, want.line, line, path)
		assert.Equal(t, want.column, column, path)
	}
}

func TestTheCaretStandsUnderTheColumn(t *testing.T) {
	const text = "a: 1\r\n\tb: é2\nc\x1b[1m: 3\n"
	assert.Equal(t, "    1 | a: 1\n      |    ^", cli.Excerpt(text, 1, 4))
	assert.Equal(t, "    2 | \tb: é2\n      | \t    ^", cli.Excerpt(text, 2, 6))
	assert.Equal(t, "    3 | c\ufffd[1m: 3\n      | ^", cli.Excerpt(text, 3, 1), "a terminal gets no escapes")
	assert.Equal(t, "    1 | a: 1", cli.Excerpt(text, 1, 99), "no caret beside the line")
	assert.Equal(t, "    1 | a: 1", cli.Excerpt(text, 1, 0))
	assert.Empty(t, cli.Excerpt(text, 9, 1))
	assert.Empty(t, cli.Excerpt(text, 0, 0))
}

func TestALongLineIsShownInPart(t *testing.T) {
	line := strings.Repeat("é", 1000)
	start := "    1 | " + strings.Repeat("é", 160) + "…"
	assert.Equal(t, start+"\n      |  ^", cli.Excerpt(line, 1, 2))
	assert.Equal(t, start+"\n      | "+strings.Repeat(" ", 159)+"^", cli.Excerpt(line, 1, 160))
	assert.Empty(t, cli.Excerpt(line, 1, 161), "the caret would stand beside it")
}

// The parser of YAML counts these as lines too.
func TestLinesAreThoseOfYAML(t *testing.T) {
	for _, separator := range []string{"\n", "\r\n", "\r", "\u0085", "\u2028", "\u2029"} {
		assert.Equal(t, "    3 | c\n      | ^", cli.Excerpt("a"+separator+"b"+separator+"c", 3, 1), "%q", separator)
	}
}

// zeros is a standard input without an end.
type zeros struct{ read int }

func (z *zeros) Read(p []byte) (int, error) {
	clear(p)
	z.read += len(p)
	return len(p), nil
}

func TestAnEndlessStandardInputIsRefused(t *testing.T) {
	var out, errs bytes.Buffer
	in := &zeros{}
	assert.Equal(t, 1, cli.Run([]string{"check", "-"}, cli.Env{Stdin: in, Stdout: &out, Stderr: &errs}))
	assert.Contains(t, out.String(), "the file is larger than 1048576 bytes, the limit")
	assert.Less(t, in.read, 16<<20)
}
