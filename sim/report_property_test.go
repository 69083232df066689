package sim

import (
	"bytes"
	"encoding/csv"
	"encoding/json"
	"encoding/xml"
	"errors"
	"io"
	"math/rand/v2"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/ductile-go/ductile/breaker"
	"github.com/ductile-go/ductile/policy"
)

// names are what a user may call things.
var names = []string{
	"", "api", "as_configured", `<img src=x onerror=alert(1)>`, `"quoted" & 'so'`, "=SUM(A1:A9)", "+1", "-1", "@cmd", "\tx", "\rx",
	"a,b;c", "two\nlines", "nul\x00", "bell\a\x1b[31mred", "\xff\xfe", "日本語", "]]>", "<!--", "--> </svg>", "|pipe|`tick`", "https://example.org/@user",
	strings.Repeat("long ", 60), strings.Repeat("x", 300), "\u202Ertl",
}

func anyName(r *rand.Rand) string { return names[r.IntN(len(names))] }

// anyTime returns times of all sizes, and now and then one that makes no sense.
func anyTime(r *rand.Rand) time.Duration {
	switch r.IntN(12) {
	case 0:
		return 0
	case 1:
		return -time.Duration(r.Int64N(int64(time.Minute)))
	case 2:
		return time.Duration(r.Uint64())
	}
	return time.Duration(r.Int64N(int64(time.Microsecond) << r.IntN(30)))
}

func anyCount(r *rand.Rand) int64 {
	if r.IntN(20) == 0 {
		return int64(r.Uint64())
	}
	return r.Int64N(1 << r.IntN(20))
}

func anyReport(r *rand.Rand) *Report {
	out := &Report{Scenario: Scenario{Seed: r.Uint64(), Duration: anyTime(r), Warmup: anyTime(r)}}
	if r.IntN(3) == 0 {
		out.Interrupted = anyTime(r)
	}
	for range r.IntN(3) {
		out.Scenario.Clients = append(out.Scenario.Clients, Client{Name: anyName(r), Rate: r.NormFloat64(), Calls: anyName(r), Burst: r.IntN(3), Closed: r.IntN(3), Keys: r.IntN(3)})
		out.Scenario.Services = append(out.Scenario.Services, Service{Name: anyName(r), Workers: r.IntN(3), Replicas: r.IntN(3), Balance: anyName(r), Calls: []string{anyName(r)}, HitRatio: r.Float64()})
		out.Scenario.Faults = append(out.Scenario.Faults, Fault{
			At: anyTime(r), For: anyTime(r), Service: anyName(r), Replica: r.IntN(2), Slow: r.NormFloat64(), Errors: r.NormFloat64(),
			Down: r.IntN(2) == 0, Hang: r.IntN(2) == 0, Capacity: r.NormFloat64(), Partition: r.IntN(2) == 0, Cold: r.IntN(2) == 0,
		})
	}
	for range r.IntN(4) {
		out.Results = append(out.Results, anyResult(r))
		out.Checks = append(out.Checks, Check{anyName(r), anyName(r), anyName(r), r.IntN(2) == 0})
	}
	return out
}

func anyTotals(r *rand.Rand) Totals {
	return Totals{Calls: anyCount(r), Succeeded: anyCount(r), Requests: anyCount(r), Served: anyCount(r), Wasted: anyCount(r), P50: anyTime(r), P99: anyTime(r)}
}

func anyResult(r *rand.Rand) *Result {
	x := &Result{Variant: anyName(r), Recovery: anyTime(r), Pipelines: map[string]string{anyName(r): anyName(r), anyName(r): anyName(r)}}
	if r.IntN(2) == 0 {
		x.Verdict = anyName(r)
	}
	x.Before, x.During, x.After = anyTotals(r), anyTotals(r), anyTotals(r)
	for i := range r.IntN(1 << r.IntN(11)) {
		at := time.Duration(i) * time.Second
		if r.IntN(50) == 0 {
			at = anyTime(r)
		}
		x.Points = append(x.Points, Point{at, anyCount(r), anyCount(r), anyCount(r), anyCount(r), anyCount(r), anyTime(r), anyTime(r), int(anyCount(r))})
	}
	for range r.IntN(12) {
		s, c := ServiceLine{Name: anyName(r)}, ClassLine{Client: anyName(r), Name: anyName(r), Priority: policy.Priority(r.IntN(5) - 2)}
		for range r.IntN(len(x.Points) + 2) {
			s.Points = append(s.Points, ServicePoint{Requests: anyCount(r), Queue: int(anyCount(r)), Busy: int(anyCount(r)), Capacity: int(anyCount(r))})
			c.Points = append(c.Points, ClassPoint{anyCount(r), anyCount(r)})
		}
		x.Services, x.Classes = append(x.Services, s), append(x.Classes, c)
	}
	for i := range r.IntN(200) {
		c := CircuitLine{Client: anyName(r), Replica: i, Name: anyName(r)}
		for range r.IntN(5) {
			c.Spans = append(c.Spans, Span{anyTime(r), anyTime(r), breaker.State(r.IntN(6))})
		}
		x.Circuits = append(x.Circuits, c)
	}
	return x
}

// wellFormed asserts that a text is XML, and that its elements are ours alone.
func wellFormed(t *testing.T, text string) {
	t.Helper()
	d := xml.NewDecoder(strings.NewReader(text))
	for {
		token, err := d.Token()
		if errors.Is(err, io.EOF) {
			return
		}
		require.NoError(t, err)
		if e, ok := token.(xml.StartElement); ok {
			assert.NotContains(t, []string{"img", "script"}, e.Name.Local)
			for _, a := range e.Attr {
				assert.False(t, strings.HasPrefix(a.Name.Local, "on"), "%s has %s", e.Name.Local, a.Name.Local)
			}
		}
	}
}

var notNumbers = regexp.MustCompile(`="[^"]*(NaN|Inf)[^"]*"`)

func TestAnyReportCanBeWritten(t *testing.T) {
	for seed := range uint64(15) {
		r := anyReport(rand.New(rand.NewPCG(seed, 1)))
		for name, write := range map[string]func(io.Writer) error{"html": r.WriteHTML, "svg": r.WriteSVG} {
			var b bytes.Buffer
			require.NoError(t, write(&b), "%s, seed %d", name, seed)
			wellFormed(t, b.String())
			assert.Empty(t, notNumbers.FindString(b.String()))
		}
		var b bytes.Buffer
		require.NoError(t, r.WriteJSON(&b))
		require.True(t, json.Valid(b.Bytes()), "seed %d", seed)
		b.Reset()
		require.NoError(t, r.WriteCSV(&b))
		safeCells(t, b.Bytes())
		b.Reset()
		require.NoError(t, r.WriteText(&b))
		assert.NotContains(t, b.String(), "\x1b")
		b.Reset()
		require.NoError(t, r.WriteMarkdown(&b))
		assert.NotContains(t, b.String(), "<img")
		assert.NotContains(t, b.String(), "@user")
		_ = r.Check()
	}
}

// safeCells asserts that a spreadsheet runs no cell. Numbers below 0 are numbers.
func safeCells(t *testing.T, text []byte) {
	t.Helper()
	rows, err := csv.NewReader(bytes.NewReader(text)).ReadAll()
	require.NoError(t, err)
	number := regexp.MustCompile(`^-?[0-9.]+$`)
	for _, row := range rows {
		for _, cell := range row {
			if !number.MatchString(cell) && cell != "" {
				assert.NotContains(t, "=+-@\t\r", cell[:1], "%q", cell)
			}
		}
	}
}

func TestAServiceThatIsNamedAsMarkupIsText(t *testing.T) {
	r := drill()
	r.Scenario.Services[0].Name = `<img src=x onerror=alert(1)>`
	r.Results[0].Services[0].Name = `<img src=x onerror=alert(1)>`
	var b bytes.Buffer
	require.NoError(t, r.WriteHTML(&b))
	assert.Contains(t, b.String(), "&lt;img src=x onerror=alert(1)&gt;: 10 workers")
	assert.NotContains(t, b.String(), "<img")
}

func TestALongRunIsDrawnInFewPoints(t *testing.T) {
	s := Scenario{Duration: 12 * time.Hour, Faults: []Fault{{At: time.Hour, For: time.Hour}}}
	x := flat(&s, second(70, 70, 70, 40*time.Millisecond), second(70, 5, 210, 600*time.Millisecond), second(70, 70, 70, 40*time.Millisecond), time.Second)
	x.Points[30000].P99, x.Points[30000].Queue = 7*time.Second, 99
	for range 100 {
		c := CircuitLine{Client: "web", Replica: 1, Name: "api"}
		for at := time.Hour; at < 2*time.Hour; at += time.Second {
			c.Spans = append(c.Spans, Span{at, at + 900*time.Millisecond, breaker.Open}, Span{at + 900*time.Millisecond, at + time.Second, breaker.HalfOpen})
		}
		x.Circuits = append(x.Circuits, c)
	}
	r := &Report{Scenario: s, Results: []*Result{x}}
	var b bytes.Buffer
	require.NoError(t, r.WriteHTML(&b))
	assert.Less(t, b.Len(), 400_000)
	assert.Contains(t, b.String(), "Each point of a line is 5 min")
	assert.Contains(t, b.String(), "p99 7 s", "the worst second is still seen")
	assert.Contains(t, b.String(), "99 requests wait")
	assert.Contains(t, b.String(), "state by replica, 80 of 100")
	all := x.buckets(s.Duration)
	assert.LessOrEqual(t, len(all), mostPoints)
	assert.Equal(t, x.stretch(0, s.Duration).calls, int64(70*12*3600))
	var calls int64
	for _, c := range all {
		calls += c.Calls
	}
	assert.Equal(t, int64(70*12*3600), calls, "no call is lost by drawing")
}

type fullDisk struct{}

func (fullDisk) Write([]byte) (int, error) { return 0, errors.New("no space left on device") }

func TestAWriterThatFailsIsReported(t *testing.T) {
	r := drill()
	for _, write := range []func(io.Writer) error{r.WriteHTML, r.WriteSVG, r.WriteJSON, r.WriteCSV, r.WriteText, r.WriteMarkdown} {
		assert.EqualError(t, write(fullDisk{}), "no space left on device")
	}
}
