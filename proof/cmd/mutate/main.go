// Command mutate changes the library one operator, condition, number or
// statement at a time and runs the tests on each change. A change that no test
// notices shows code that nothing holds in place.
//
//	go run ./cmd/mutate -root .. retry breaker policy pipeline
//
// It never takes results from the test cache, and changes no file of the tree.
// Survivors that are known to make no difference stand, with the reason, in the
// file that -explained names: one a line, the key as it is printed, " => ", the
// reason. It exits with 1 if others survive, or one of these does not.
package main

import (
	"context"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"path/filepath"
	"runtime"
	"strings"
	"time"
)

func main() { os.Exit(status()) }

// status runs the program and returns what it exits with.
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
	deep := flag.String("deep", "", "another module, whose ./linear, ./storm and ./fuzz are run on what survives the rest")
	tests := flag.String("tests", "./pipeline,./policytest,./fake", "packages whose tests run after the changed one's own")
	timeout := flag.Duration("timeout", 10*time.Second, "of one package's tests; of a search six times as much")
	explained := flag.String("explained", "mutants.txt", "survivors that make no difference, with reasons")
	every := flag.Int("every", 1, "try every nth mutant only")
	workers := flag.Int("workers", runtime.NumCPU(), "mutants that are tried at the same time")
	flag.Parse()

	c := campaign{runner: runner{timeout: *timeout, others: strings.Split(*tests, ",")}, every: *every, workers: *workers}
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
	return c.all(ctx, flag.Args())
}

// readExplained returns reasons by the keys of mutants.
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
