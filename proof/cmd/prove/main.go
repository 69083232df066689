// Command prove runs every search of this module and prints one table: what was
// searched, how much of it, with which seeds, and what came out.
//
//	go run ./cmd/prove            # all of it; what is slow is slow
//	go run ./cmd/prove -short     # a little of each, for every change
//	go run ./cmd/prove -only storm -seed 7
//
// It runs in this module's directory and needs nothing but Go. The tests of the
// arm64 build run where qemu-aarch64 is installed. -write names a file for the
// table. It exits with 1 if anything was found.
package main

import (
	"context"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"strings"
	"time"
)

func main() { os.Exit(status()) }

func status() int {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	short := flag.Bool("short", false, "a little of each")
	seed := flag.Uint64("seed", 0, "the first seed; 0 takes one from the time")
	only := flag.String("only", "", "jobs to run, separated by commas; empty for all")
	fuzzTime := flag.String("fuzztime", "", "for each fuzz target; empty takes a minute, or 2 seconds with -short")
	write := flag.String("write", "", "a file to write the table to")
	flag.Parse()
	if *seed == 0 {
		*seed = uint64(time.Now().Unix())
	}

	t := table{short: *short, only: *only}
	for _, j := range jobs(*seed, *short, *fuzzTime) {
		if *only != "" && !strings.Contains(","+*only+",", ","+j.name+",") {
			continue
		}
		start := time.Now()
		fmt.Fprintf(os.Stderr, "%s...\n", j.name)
		rows, output, ok := j.run(ctx)
		t.add(rows, time.Since(start))
		if j.list {
			t.equal = append(t.equal, noDifference(output)...)
		}
		if !ok {
			t.failed = true
			fmt.Fprintf(os.Stderr, "%s\n%s failed\n", output, j.name)
		}
	}
	fmt.Print(t.text())
	if *write != "" {
		if err := os.WriteFile(*write, []byte(t.markdown()), 0o644); err != nil { //nolint:gosec // it is for everybody to read
			fmt.Fprintln(os.Stderr, "prove:", err)
			return 1
		}
	}
	if t.failed {
		return 1
	}
	return 0
}
