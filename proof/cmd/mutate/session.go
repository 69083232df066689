package main

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"strings"

	"github.com/ductile-go/ductile/proof/row"
)

// session is one run of the program.
type session struct {
	runner
	explained map[string]string
	every     int
	tally     map[fate]int
	equal     int // survivors with a reason
}

// all tries the mutants of the packages, or single files, that args name, and
// reports whether none survived but those with a reason.
func (s *session) all(ctx context.Context, args []string) (bool, error) {
	files, err := sources(args)
	if err != nil {
		return false, err
	}
	s.tally = map[fate]int{}
	n := 0
	for _, file := range files {
		mutants, err := mutantsOf(file)
		if err != nil {
			return false, err
		}
		for _, m := range mutants {
			if n++; n%s.every != 0 {
				continue
			}
			if err := s.one(ctx, m); err != nil {
				return false, err
			}
		}
	}
	return s.report(args), nil
}

func (s *session) one(ctx context.Context, m mutant) error {
	f, err := s.try(ctx, m)
	if err != nil || ctx.Err() != nil {
		return errors.Join(err, ctx.Err())
	}
	reason, known := s.explained[m.key()]
	switch {
	case f == survived && known:
		s.equal++
		fmt.Printf("no difference\t%v\t%s\n", m, reason)
		return nil
	case f == survived:
		fmt.Printf("SURVIVED\t%v\n\t\tkey: %s\n", m, m.key())
	case f == timedOut:
		fmt.Printf("%s\t%v\n", f, m)
	}
	s.tally[f]++
	return nil
}

func (s *session) report(args []string) bool {
	dead := s.tally[killed] + s.tally[timedOut]
	tried := dead + s.tally[survived]
	score := 100.0
	if tried > 0 {
		score = 100 * float64(dead) / float64(tried)
	}
	sample := ""
	if s.every > 1 {
		sample = fmt.Sprintf(", one in %d", s.every)
	}
	row.Row{
		Searched: "mutation of " + strings.Join(args, ", "),
		Amount:   fmt.Sprintf("%d mutants%s, %d more do not compile", tried+s.equal, sample, s.tally[notViable]),
		Result: fmt.Sprintf("%.1f %% killed (%d by running for ever), %d survived, %d make no difference",
			score, s.tally[timedOut], s.tally[survived], s.equal),
	}.Print()
	return s.tally[survived] == 0
}

// sources lists the Go files that args name, tests left out.
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
