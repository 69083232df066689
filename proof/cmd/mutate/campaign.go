package main

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"regexp"
	"strings"
	"sync"

	"golang.org/x/sync/errgroup"

	"github.com/ductile-go/ductile/proof/row"
)

// campaign is one run of the command.
type campaign struct {
	runner
	explained map[string]string
	match     *regexp.Regexp // nil matches all
	every     int
	workers   int

	mu    sync.Mutex
	tally map[fate]int
	equal int // survivors with a reason
	races int // survivors that a race tells apart
	wrong int // killed although there is a reason
}

// all tries the mutants of the packages or files in args. It returns true if exactly the
// mutants survived that have a reason.
func (c *campaign) all(ctx context.Context, args []string) (bool, error) {
	mutants, err := c.mutants(args)
	if err != nil {
		return false, err
	}
	c.tally, c.equal, c.races, c.wrong, c.suites = map[fate]int{}, 0, 0, 0, nil
	if c.together, err = newTogether(ctx, c.root, c.scratch, mutants); err != nil {
		return false, err
	}
	work := make(chan mutant)
	group, ctx := errgroup.WithContext(ctx)
	group.Go(func() error {
		defer close(work)
		for _, m := range mutants {
			select {
			case work <- m:
			case <-ctx.Done():
				return ctx.Err()
			}
		}
		return nil
	})
	for range c.workers {
		group.Go(func() error {
			for m := range work {
				if err := c.one(ctx, m); err != nil {
					return err
				}
			}
			return nil
		})
	}
	if err := group.Wait(); err != nil {
		return false, err
	}
	return c.report(args), nil
}

// mutants returns the mutants to try.
func (c *campaign) mutants(args []string) (chosen []mutant, err error) {
	files, err := sources(args)
	if err != nil {
		return nil, err
	}
	n := 0
	for _, file := range files {
		found, err := mutantsOf(file)
		if err != nil {
			return nil, err
		}
		for _, m := range found {
			if n++; n%c.every == 0 && (c.match == nil || c.match.MatchString(m.key())) {
				m.number = n
				chosen = append(chosen, m)
			}
		}
	}
	return chosen, nil
}

// print prints the mutants and their keys.
func (c *campaign) print(args []string) error {
	mutants, err := c.mutants(args)
	for _, m := range mutants {
		fmt.Printf("%v\n\t%s\n", m, m.key())
	}
	return err
}

// byRace begins the reason of a mutant that is wrong only where two goroutines meet between
// two steps that no test can hold up. Tests may or may not kill it.
const byRace = "race: "

// one tries a mutant and records the result.
func (c *campaign) one(ctx context.Context, m mutant) error {
	reason, known := c.explained[m.key()]
	f, output, err := c.try(ctx, m, known)
	if err != nil || ctx.Err() != nil {
		return errors.Join(err, ctx.Err())
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	race := strings.HasPrefix(reason, byRace)
	switch {
	case f == survived && race:
		c.races++
		fmt.Printf("no race seen\t%v\t%s\n", m, reason)
		return nil
	case f == survived && known:
		c.equal++
		fmt.Printf("no difference\t%v\t%s\n", m, reason)
		return nil
	case f == survived:
		fmt.Printf("SURVIVED\t%v\n\t\tkey: %s\n", m, m.key())
	case known && !race:
		c.wrong++
		fmt.Printf("EXPLAINED, AND %s\t%v\n\t\tkey: %s\n%s\n", strings.ToUpper(string(f)), m, m.key(), begin(output))
	case f == timedOut:
		fmt.Printf("%s\t%v\n", f, m)
	}
	c.tally[f]++
	return nil
}

// begin returns the beginning of what a failed test printed.
func begin(output string) string {
	const most = 2000
	if len(output) > most {
		output = output[:most] + "..."
	}
	return output
}

func (c *campaign) report(args []string) bool {
	dead := c.tally[killed] + c.tally[timedOut]
	tried := dead + c.tally[survived]
	score := 100.0
	if tried > 0 {
		score = 100 * float64(dead) / float64(tried)
	}
	sample := ""
	if c.every > 1 {
		sample = fmt.Sprintf(", one in %d", c.every)
	}
	races := ""
	if c.races > 0 {
		races = fmt.Sprintf(", %d differ in a race that no test met", c.races)
	}
	contradicted := ""
	if c.wrong > 0 {
		contradicted = fmt.Sprintf(", %d killed that are listed as making no difference", c.wrong)
	}
	row.Row{
		Searched: "mutation of " + strings.Join(args, ", "),
		Amount:   fmt.Sprintf("%d mutants%s, %d more do not compile", tried+c.equal+c.races, sample, c.tally[notViable]),
		Result: fmt.Sprintf("%.1f %% killed (%d by running for ever), %d survived, %d make no difference%s%s",
			score, c.tally[timedOut], c.tally[survived], c.equal, races, contradicted),
	}.Print()
	return c.tally[survived] == 0 && c.wrong == 0
}

// sources returns the Go files of the packages and files in args, without tests.
func sources(args []string) ([]string, error) {
	var files []string
	for _, arg := range args {
		if strings.HasSuffix(arg, ".go") {
			files = append(files, filepath.Clean(arg))
			continue
		}
		found, err := filepath.Glob(filepath.Join(arg, "*.go"))
		if err != nil {
			return nil, err
		}
		for _, f := range found {
			if !strings.HasSuffix(f, "_test.go") && filepath.Base(f) != "doc.go" {
				files = append(files, filepath.Clean(f))
			}
		}
	}
	if len(files) == 0 {
		return nil, fmt.Errorf("no Go files in %v", args)
	}
	return files, nil
}
