// Command check compares this tree's speed and allocations with those of the
// commit that it is based on, and fails when they have become worse.
//
// It checks the base out beside this tree, builds the benchmarks of this tree
// on each, and runs the two binaries in turn, so that whatever else the machine
// does falls on both. Times are multiples of the bare call's in the same pass.
// What looks lost is measured again, and must show again. A loss that is meant
// is accepted by a line at the end of a commit's message:
//
//	Bench-Accept: HalfOpen, IdleWindow
//
//	go run ./cmd/check -base main -margin 10% -count 6 -time 50ms
package main

import (
	"context"
	"flag"
	"fmt"
	"os"
	"os/signal"
)

func main() {
	var o options
	flag.StringVar(&o.base, "base", "", "the revision to compare with; empty is the merge base with origin/main, or HEAD~1")
	flag.StringVar(&o.bench, "bench", ".", "which scenarios, a regular expression")
	flag.IntVar(&o.count, "count", 6, "how many passes over each tree")
	flag.StringVar(&o.time, "time", "50ms", "how long each benchmark runs")
	margin := flag.String("margin", "10%", "the loss of time that is let pass, such as 10% or 2.0x")
	flag.BoolVar(&o.short, "short", false, "few circuits where there would be 100,000")
	accept := flag.String("accept", "", "scenarios at which a loss is meant, as in commits' Bench-Accept lines")
	flag.Parse()
	o.accepted = scenarioList(*accept)
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	var err error
	if o.margin, err = parseMargin(*margin); err == nil {
		err = run(ctx, o)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "bench-check:", err)
		stop()
		os.Exit(1) //nolint:gocritic // stop has been called
	}
}
