// Hedged shows what hedges do for the slow tail of a service. It makes calls to one whose
// answers usually take some 10 ms, and one in 70 of them up to a second: without a hedge,
// with one that learns its delay, and with one whose delay is given. It prints p50, p99 and
// p99.9 and what the hedges cost, as a table and, with -svg, as a chart. Time is virtual:
// minutes of waiting take a moment, and every run comes to the same figures.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"time"

	"github.com/ductile-go/ductile/hedge"
	"github.com/ductile-go/ductile/policy"
)

const calls = 20_000

// variants are what is compared.
var variants = []struct {
	title string
	cfg   *hedge.Config // nil: no hedge
}{
	{"no hedge", nil},
	{"learned delay (p95)", &hedge.Config{}},
	{"delay of 30 ms", &hedge.Config{Delay: 30 * time.Millisecond}},
}

func main() {
	svg := flag.String("svg", "", "file to write the chart to")
	flag.Parse()
	if err := run(context.Background(), os.Stdout, *svg); err != nil {
		fmt.Fprintln(os.Stderr, "hedged:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, out io.Writer, svg string) error {
	results, err := measure(ctx)
	if err != nil {
		return err
	}
	table(out, results)
	if svg != "" {
		if err := os.WriteFile(svg, chart(results), 0o644); err != nil {
			return err
		}
	}
	return judge(results)
}

// measure plays the variants against services that draw the same latencies.
func measure(ctx context.Context) (results []result, err error) {
	for _, v := range variants {
		s := newService()
		var p policy.Policy[int]
		if v.cfg != nil {
			cfg := *v.cfg
			cfg.Clock = s.clock
			p = hedge.New[int](cfg)
		}
		r := result{title: v.title}
		for n := range calls {
			timer := v.cfg != nil && (v.cfg.Delay > 0 || n >= hedge.DefaultMinCalls)
			took, err := s.call(ctx, p, timer)
			if err != nil {
				return nil, err
			}
			r.add(took)
		}
		r.extra = float64(s.attempts-calls) / calls
		results = append(results, r)
	}
	return results, nil
}

// judge returns an error unless the hedges have done what they are for.
func judge(results []result) error {
	var faults []error
	without := results[0]
	for _, r := range results[1:] {
		if r.quantile(0.999) > without.quantile(0.999)/4 {
			faults = append(faults, fmt.Errorf("%s: p99.9 is %v, without %v", r.title, r.quantile(0.999), without.quantile(0.999)))
		}
		if r.quantile(0.5) > without.quantile(0.5)*11/10 {
			faults = append(faults, fmt.Errorf("%s: p50 is %v, without %v", r.title, r.quantile(0.5), without.quantile(0.5)))
		}
		if r.extra > 0.11 {
			faults = append(faults, fmt.Errorf("%s: %.1f %% more attempts, and the budget is 10 %%", r.title, 100*r.extra))
		}
	}
	return errors.Join(faults...)
}
