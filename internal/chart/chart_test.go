package chart

import (
	"bytes"
	"encoding/xml"
	"errors"
	"io"
	"math"
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func labels(a Axis) (out []string) {
	for _, v := range a.Ticks {
		out = append(out, a.label(v))
	}
	return out
}

func TestTicksAreRoundNumbers(t *testing.T) {
	assert.Equal(t, []string{"0", "1000", "2000", "3000"}, labels(Linear(0, 2107, 3)))
	assert.Equal(t, []string{"0.0", "0.5", "1.0", "1.5"}, labels(Linear(0, 1.3, 3)))
	assert.Equal(t, []string{"-20", "0", "20"}, labels(Linear(-14, 20, 2)))
	assert.Equal(t, []string{"0.00", "0.02", "0.04"}, labels(Linear(0, 0.04, 3)))
	assert.Equal(t, []string{"3.0", "3.5", "4.0"}, labels(Linear(3, 3, 3)))
	assert.Equal(t, []string{"0.01", "0.1", "1"}, labels(Decades(0.02, 0.8, nil)))
	assert.Equal(t, []string{"1", "10"}, labels(Decades(1, 1, nil)))
	assert.Len(t, Decades(1e-9, 1e6, nil).Ticks, 4)
}

func TestTimesHaveTheUnitOfTheirTicks(t *testing.T) {
	for end, want := range map[time.Duration][]string{
		0:                      {"0 ms", "1 ms"},
		500 * time.Millisecond: {"0 ms", "100 ms", "200 ms", "300 ms", "400 ms", "500 ms"},
		90 * time.Second:       {"0 s", "15 s", "30 s", "45 s", "60 s", "75 s", "90 s"},
		5 * time.Minute:        {"0 min", "1 min", "2 min", "3 min", "4 min", "5 min"},
		12 * time.Hour:         {"0 h", "2 h", "4 h", "6 h", "8 h", "10 h", "12 h"},
	} {
		assert.Equal(t, want, labels(Time(end)), end)
	}
	assert.LessOrEqual(t, len(Time(math.MaxInt64).Ticks), 8)
}

func TestAnAxisHasAtLeastTwoTicksAndNotManyMore(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	for range 2000 {
		low := r.NormFloat64() * math.Pow(10, float64(r.IntN(18)-6))
		high := low + r.ExpFloat64()*math.Pow(10, float64(r.IntN(18)-6))
		n := 1 + r.IntN(6)
		a := Linear(low, high, n)
		assert.LessOrEqual(t, a.Min, low+1e-6*math.Abs(low), "%v to %v", low, high)
		assert.GreaterOrEqual(t, a.Max, min(high, math.MaxFloat64)-1e-6*math.Abs(high), "%v to %v", low, high)
		assert.GreaterOrEqual(t, len(a.Ticks), 2, "%v to %v", low, high)
		assert.LessOrEqual(t, len(a.Ticks), n+3)
		for v, at := range map[float64]float64{a.Min: 0, a.Max: 1, a.Min - 1: 0} {
			assert.InDelta(t, at, a.part(v), 1e-9)
		}
	}
}

// parses asserts that a text is XML, and returns its text content.
func parses(t *testing.T, text string) string {
	t.Helper()
	var content strings.Builder
	for d := xml.NewDecoder(strings.NewReader(text)); ; {
		token, err := d.Token()
		if errors.Is(err, io.EOF) {
			return content.String()
		}
		require.NoError(t, err, text)
		if c, ok := token.(xml.CharData); ok {
			content.Write(c)
		}
	}
}

func TestTextOfAnyKindStaysText(t *testing.T) {
	var w Writer
	evil := "<img src=x onerror=alert(1)>\x00\xff\"'&"
	w.Raw(`<p title="%s">%s %d %v</p>`, evil, evil, 7, 1.25)
	assert.Equal(t, "<img src=x onerror=alert(1)>\uFFFD\uFFFD\"'& 7 1.25", parses(t, w.String()))
	assert.NotContains(t, w.String(), "<img")
	assert.Equal(t, "0", decimal(math.NaN()))
	assert.Equal(t, "0", decimal(-0.001))
	assert.Equal(t, "-1.5", decimal(-1.5))
}

func TestGapsOfALineAreNotDrawn(t *testing.T) {
	p := Plot{X: Linear(0, 4, 4), Y: Linear(0, 10, 2), Lines: []Line{{Fill: true, Marks: true, X: []float64{0, 1, 2, 3, 4}, Y: []float64{10, 10, math.NaN(), 5, math.Inf(1)}}}}
	var w Writer
	HTML(&w, &p)
	assert.Contains(t, w.String(), `<path class="l c0 d0" d="M0 0L250 0M750 50"/>`)
	assert.Contains(t, w.String(), `<path class="f c0" d="M0 0L250 0L250 100L0 100ZM750 50L750 100L750 100Z"/>`)
	assert.Equal(t, 3, strings.Count(w.String(), "<circle"))
}

// tornado has labels on both sides.
func tornado() *Bars {
	return &Bars{
		Heading: Heading{Title: "What matters", Summary: "It does."}, X: Linear(0, 10, 5), Base: 5,
		Rows: []Bar{
			{Label: "attempts", Low: 1, High: 9.5, LowLabel: "1", HighLabel: "5", Text: "from 1 to 9.5"},
			{Label: "timeout", Low: math.NaN(), High: 5, LowLabel: "none", HighLabel: "1s"},
		},
	}
}

func TestBarsGoFromTheBaseToTheirValues(t *testing.T) {
	var w Writer
	HTML(&w, tornado())
	text := w.String()
	parses(t, text)
	assert.Contains(t, text, `<rect class="b low" x="10%" y="28" width="40%" height="9"><title>from 1 to 9.5</title></rect>`)
	assert.Contains(t, text, `<rect class="b high" x="50%" y="38" width="45%" height="9">`)
	assert.Contains(t, text, `x="50%" dx="-5" y="46" text-anchor="end">5</text>`, "on the side with room")
	assert.NotContains(t, text, "none", "what is no number is not drawn")
}

func TestAnImageHoldsAllThatIsDrawn(t *testing.T) {
	var m Image
	m.Text("h1", strings.Repeat("word ", 60)+strings.Repeat("x", 300))
	m.Draw(tornado())
	m.Draw(&Heat{Heading: Heading{Title: "Circuits", Keys: []Key{{"open", "open", true}}}, X: Time(10 * time.Second), Rows: []Row{{Label: "1", Blocks: []Block{{1, 2, "open", 1, "open for 1 s"}}}}})
	var lines []Line
	for range 12 {
		lines = append(lines, Line{Name: "a service with quite a long name"})
	}
	m.Draw(&Plot{X: Time(10 * time.Second), Y: Axis{Max: 1}, Lines: lines, Shades: []Shade{{From: 8, To: 9, Label: "late", Show: true}, {From: 1, To: 1, Label: "early", Show: true}}})
	var b bytes.Buffer
	require.NoError(t, m.Write(&b, "a summary"))
	text := parses(t, b.String())
	for _, want := range []string{"What matters", "open for 1 s", "late", "early", strings.Repeat("x", 40)} {
		assert.Contains(t, text, want)
	}
	assert.Contains(t, b.String(), `aria-label="a summary"`)
	assert.Greater(t, strings.Count(b.String(), `class="h1"`), 5, "long lines are broken")
}

func TestAPageLoadsNothing(t *testing.T) {
	var body Writer
	body.Raw("<p>%s</p>", "100% & more")
	var b bytes.Buffer
	require.NoError(t, Page(&b, "a <title>", &body))
	assert.Contains(t, parses(t, b.String()), "a <title>")
	assert.Contains(t, parses(t, b.String()), "100% & more")
	for _, no := range []string{"<script", "http://", "https://", "url(", "@import"} {
		assert.NotContains(t, b.String(), no)
	}
}
