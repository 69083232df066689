// Command mutate changes the library in one place at a time, an operator, condition,
// number or statement, and runs the tests on each change. A mutant that survives shows
// code that no test covers.
//
//	go run ./cmd/mutate -root .. retry breaker policy pipeline bulkhead ratelimit hedge
//
// It does not use the test cache, and it changes no file of the tree. The file named by
// -explained lists survivors that make no difference: a key, " => ", and the reason on
// each line. The command exits with 1 if another mutant survives, or if a listed one is
// killed. A reason that begins with "race: " explains a mutant that tests kill by chance
// or not at all; it may do either.
package main

import (
	"context"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"path/filepath"
	"regexp"
	"runtime"
	"strings"
	"time"
)

func main() { os.Exit(status()) }

// status runs the command and returns its exit status.
func status() int {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	ok, err := run(ctx)
	if err != nil {
		fmt.Fprintln(os.Stderr, "mutate:", err)
	}
	if err != nil || !ok {
		return 1
	}
	return 0
}

func run(ctx context.Context) (ok bool, err error) {
	root := flag.String("root", "..", "the module whose packages are changed")
	deep := flag.String("deep", "", "another module, whose ./linear, ./storm and ./fuzz run on mutants that survive the rest")
	tests := flag.String("tests", "./pipeline,./policytest,./fake", "packages whose tests run after the changed one's own")
	skip := flag.String("skip", "", "names of tests that do not run")
	timeout := flag.Duration("timeout", 5*time.Second, "the least for the tests of one package, which get five times as long as they take without a mutant")
	explained := flag.String("explained", "mutants.txt", "survivors that make no difference, with reasons")
	match := flag.String("match", "", "try only mutants whose key matches this regular expression")
	every := flag.Int("every", 1, "try only every nth mutant")
	listing := flag.Bool("list", false, "print the mutants with their keys and try none")
	workers := flag.Int("workers", runtime.NumCPU(), "number of mutants tried at the same time")
	flag.Parse()

	c := campaign{runner: runner{timeout: *timeout, others: list(*tests), skip: list(*skip)}, every: *every, workers: *workers}
	if c.match, err = regexp.Compile(*match); err != nil {
		return false, err
	}
	if c.root, err = filepath.Abs(*root); err != nil {
		return false, err
	}
	if *deep != "" {
		if c.deep, err = filepath.Abs(*deep); err != nil {
			return false, err
		}
	}
	if c.explained, err = readExplained(*explained); err != nil {
		return false, err
	}
	if c.scratch, err = os.MkdirTemp("", "mutate"); err != nil {
		return false, err
	}
	defer func() { _ = os.RemoveAll(c.scratch) }()
	if err := os.Chdir(c.root); err != nil {
		return false, err
	}
	if *listing {
		return true, c.print(flag.Args())
	}
	return c.all(ctx, flag.Args())
}

// list splits a list at its commas.
func list(s string) []string {
	if s == "" {
		return nil
	}
	return strings.Split(s, ",")
}

// readExplained returns the reasons in a file by key, and none if there is no file.
func readExplained(path string) (map[string]string, error) {
	text, err := os.ReadFile(path)
	if os.IsNotExist(err) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	reasons := map[string]string{}
	for _, line := range strings.Split(string(text), "\n") {
		if key, reason, ok := strings.Cut(line, " => "); ok && !strings.HasPrefix(line, "#") {
			reasons[key] = reason
		}
	}
	return reasons, nil
}
