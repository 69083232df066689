// Command prove runs all searches of this module and prints one table: what was searched,
// how much of it, with which seeds, and the result.
//
//	go run ./cmd/prove            # all of it, which takes hours
//	go run ./cmd/prove -short     # a little of most, for every change; it says what it leaves out
//	go run ./cmd/prove -nth 20    # a part of what takes longest
//	go run ./cmd/prove -only storm -seed 7
//
// Run it in the directory of this module. It needs only Go; the tests for arm64 also need
// qemu-aarch64, and are only built without it. -write names a file for the table; the
// results of searches that did not run stay in it. The command exits with 1 if a search
// has found a fault.
package main

import (
	"context"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"runtime"
	"slices"
	"strings"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/ductile-go/ductile/proof/command"
	"github.com/ductile-go/ductile/proof/row"
)

func main() { os.Exit(status()) }

func status() int {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	short := flag.Bool("short", false, "a little of each, without those that are long to build unless -only names them")
	seed := flag.Uint64("seed", 0, "the first seed; 0 means one made from the time")
	only := flag.String("only", "", "searches to run, separated by commas; empty means all")
	nth := flag.Int("nth", 1, "only the nth part of the schedules and mutants, of which there are hours")
	fuzzTime := flag.String("fuzztime", "", "for each fuzz target; empty means a minute, or 3000 inputs with -short")
	write := flag.String("write", "", "a file to write the table to")
	flag.Parse()
	if *nth < 1 {
		fmt.Fprintf(os.Stderr, "prove: -nth is %d, want 1 for all or more for a part\n", *nth)
		return 2
	}
	if *seed == 0 {
		*seed = uint64(time.Now().Unix())
	}
	all := jobs(*seed, *short, *nth, *fuzzTime)
	atATime := 1 // a long search uses every processor, a short one spends most of its time on its build
	if *short {
		atATime = runtime.NumCPU()
	}
	chosen := slices.DeleteFunc(slices.Clone(all), func(j job) bool { return !j.isOf(*only) })
	if *short && *only == "" {
		var left []string
		chosen, left = withoutLong(chosen)
		fmt.Fprintln(os.Stderr, "left out, since they are long to build:", strings.Join(left, ", "))
	}
	t := run(ctx, chosen, atATime)
	fmt.Print(t.text())
	if *write != "" {
		if err := t.update(*write, all); err != nil {
			fmt.Fprintln(os.Stderr, "prove:", err)
			return 1
		}
	}
	if t.failed {
		return 1
	}
	return 0
}

// withoutLong returns the jobs that are not long, and what the others are.
func withoutLong(all []job) (chosen []job, left []string) {
	for _, j := range all {
		if !j.long {
			chosen = append(chosen, j)
			continue
		}
		what := j.name
		if j.name == "fuzz" {
			what = "fuzz of " + strings.TrimPrefix(j.dir, "../")
		}
		left = append(left, what)
	}
	return chosen, slices.Compact(left)
}

// run runs jobs, so many at a time, and returns their rows in the order of the jobs.
func run(ctx context.Context, chosen []job, atATime int) table {
	t := table{commit: commit(ctx)}
	type result struct {
		rows []row.Row
		took time.Duration
	}
	results := make([]result, len(chosen))
	var mu sync.Mutex // held while a result is written or printed
	var group errgroup.Group
	group.SetLimit(atATime)
	for i, j := range chosen {
		group.Go(func() error {
			start := time.Now()
			rows, output, ok := j.run(ctx)
			mu.Lock()
			defer mu.Unlock()
			results[i] = result{rows, time.Since(start)}
			fmt.Fprintf(os.Stderr, "%s: %v\n", j.name, time.Since(start).Round(100*time.Millisecond))
			if !ok {
				t.failed = true
				fmt.Fprintf(os.Stderr, "%s\n%s failed\n", output, j.name)
			}
			return nil
		})
	}
	_ = group.Wait() // the functions return nil
	for i, r := range results {
		t.add(chosen[i].name, r.rows, r.took)
	}
	return t
}

// commit returns the commit that is searched, with a + if files other than the results
// differ from it.
func commit(ctx context.Context) string {
	git := func(args ...string) (string, bool) {
		out, err := command.Context(ctx, "git", args...).Output()
		return strings.TrimSpace(string(out)), err == nil
	}
	name, ok := git("rev-parse", "--short", "HEAD")
	if !ok {
		return "unknown"
	}
	if more, ok := git("status", "--porcelain", "--", ":/", ":!RESULTS.md"); !ok || more != "" {
		name += "+"
	}
	return name
}
