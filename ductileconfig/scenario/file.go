package scenario

import (
	"fmt"
	"regexp"
	"strconv"
	"strings"
	"time"

	"github.com/ductile-go/ductile/ductileconfig/internal/decode"
	"github.com/ductile-go/ductile/policy"
	"github.com/ductile-go/ductile/registry"
	"github.com/ductile-go/ductile/sim"
)

// file is what a file holds. The sections of the Spec are merged over the configuration.
type file struct {
	registry.Spec
	Seed     uint64
	Duration time.Duration
	Warmup   time.Duration
	Services map[string]service
	Clients  map[string]client
	Faults   []outage
	Variants map[string]variant
	Expect   []expect
}

// variant is a set of changes: of each pipeline that clients and services use, and of the
// configuration.
type variant struct {
	registry.PipelineSpec
	registry.Spec
}

type client struct {
	Replicas int
	Rate     perSecond
	Closed   int
	Think    dist
	Burst    int
	Calls    string
	Pipeline string
	Family   string
	Priority priority
	Classes  []class
	Keys     int
}

type class struct {
	Name     string
	Share    float64
	Priority priority
}

type service struct {
	Replicas     int
	Balance      string
	Workers      int
	Queue        int
	ServiceTime  dist
	Drag         float64
	RetryAfter   time.Duration
	AbandonQueue bool
	Calls        []string
	HitRatio     float64
	HitTime      dist
	Entries      int
	Pipeline     string
	Family       string
}

type outage struct {
	At, For   time.Duration
	Service   string
	Replica   int
	Down      bool
	Slow      times
	Errors    float64
	Hang      bool
	Capacity  float64
	Partition bool
	Cold      bool
}

type expect struct {
	Variant        string
	When           string
	RecoversWithin time.Duration
	Success        string
	Amplification  string
	P50, P99       string
}

// dist is a distribution: a mapping, or a duration alone for a constant time.
type dist struct {
	Dist      string
	Time      time.Duration
	Mean      time.Duration
	Median    time.Duration
	P99       time.Duration
	Quantiles []quantile
}

type quantile struct {
	Share float64
	Time  time.Duration
}

// UnmarshalText reads "10ms", a constant time.
func (d *dist) UnmarshalText(text []byte) error {
	t, err := time.ParseDuration(string(text))
	if err != nil || !durationForm.Match(text) {
		return fmt.Errorf("%q is no duration", text)
	}
	*d = dist{Dist: "constant", Time: t}
	return nil
}

// build returns the distribution, or what is wrong with it.
func (d dist) build() (built sim.Dist, wrong string) {
	has := map[string]bool{"time": d.Time != 0, "mean": d.Mean != 0, "median": d.Median != 0, "p99": d.P99 != 0, "quantiles": len(d.Quantiles) > 0}
	needs, ok := distNeeds[d.Dist]
	if !ok {
		return sim.Dist{}, "want dist: constant, exponential, lognormal or table"
	}
	for name, set := range has {
		if set != strings.Contains(needs, name) && (set || d.Dist != "constant") {
			return sim.Dist{}, "dist: " + d.Dist + " has " + needs + ", and nothing else"
		}
	}
	switch d.Dist {
	case "exponential":
		return sim.Exponential(d.Mean), ""
	case "lognormal":
		return sim.Lognormal(d.Median, d.P99), ""
	case "table":
		var table []sim.Quantile
		for _, q := range d.Quantiles {
			table = append(table, sim.Quantile(q))
		}
		return sim.FromTable(table...), ""
	}
	return sim.Constant(d.Time), ""
}

var distNeeds = map[string]string{
	"constant": "a time", "exponential": "a mean", "lognormal": "a median and a p99", "table": "quantiles",
}

// perSecond is a rate: "700/s", "42000/m", or 700.
type perSecond float64

// UnmarshalText reads a rate.
func (r *perSecond) UnmarshalText(text []byte) error {
	number, unit, _ := strings.Cut(string(text), "/")
	per, ok := map[string]float64{"": 1, "s": 1, "m": 60, "h": 3600}[unit]
	if !ok {
		return fmt.Errorf("the unit %q is unknown", unit)
	}
	v, err := positive(number)
	*r = perSecond(v / per)
	return err
}

// times is a factor: "10x", or 10.
type times float64

// UnmarshalText reads a factor.
func (x *times) UnmarshalText(text []byte) error {
	v, err := positive(strings.TrimSuffix(string(text), "x"))
	*x = times(v)
	return err
}

// The forms of numbers and durations are those of the configuration.
var (
	numberForm   = regexp.MustCompile(decode.FloatPattern)
	durationForm = regexp.MustCompile(decode.DurationPattern)
)

// positive reads a finite number of 0 or more.
func positive(text string) (float64, error) {
	if !numberForm.MatchString(text) {
		return 0, fmt.Errorf("%q is no number", text)
	}
	v, err := strconv.ParseFloat(strings.ReplaceAll(text, "_", ""), 64)
	if err == nil && !(v >= 0 && v <= 1e15) {
		err = fmt.Errorf("%s is out of range", text)
	}
	return v, err
}

// priority is a policy.Priority by its name.
type priority policy.Priority

var priorities = []string{"sheddable", "low", "normal", "high", "critical"}

// UnmarshalText reads a name.
func (p *priority) UnmarshalText(text []byte) error {
	for i, name := range priorities {
		if name == string(text) {
			*p = priority(int(policy.Sheddable) + i)
			return nil
		}
	}
	return fmt.Errorf("%q is no priority", text)
}
