// Rehearsal breaks each dependency of a shop in turn, and says in one line what was broken,
// what the customers saw, and what the policies did. It is the program that a team runs before
// a launch. The shop is the checkout of examples/checkout with a stock in front and mail
// behind. Time is virtual and all faults are seeded: every run comes to the same lines, in a
// moment.
//
// It exits with 0 only if every expectation held, and otherwise says which did not. With
// -careless, each attempt to charge has an idempotency key of its own, which is a common
// mistake: the rehearsal finds it. With -below, the policies run below the Stripe SDK instead
// of above it.
package main

import (
	"context"
	"flag"
	"fmt"
	"io"
	"os"
	"strings"
)

func main() { os.Exit(run(context.Background(), os.Args[1:], os.Stdout, os.Stderr)) }

// run returns the exit code: 0 if every expectation held, 1 if one did not, 2 for wrong
// arguments.
func run(ctx context.Context, args []string, out, errs io.Writer) int {
	var cfg config
	flags := flag.NewFlagSet("rehearsal", flag.ContinueOnError)
	flags.SetOutput(errs)
	flags.BoolVar(&cfg.below, "below", false, "put the policies below the Stripe SDK instead of above it")
	flags.BoolVar(&cfg.careless, "careless", false, "give each attempt an idempotency key of its own, to see a rehearsal fail")
	flags.Uint64Var(&cfg.seed, "seed", 1, "the `seed` of the faults, more than 0")
	only := flags.String("only", "", "run only the rehearsals whose title contains this `text`")
	if err := flags.Parse(args); err != nil {
		return 2
	}
	if cfg.seed == 0 {
		fmt.Fprintln(errs, "rehearsal: -seed is 0, want more: a seed of 0 is a random one, and no two runs would be alike")
		return 2
	}
	return rehearse(ctx, chosen(rehearsals, *only), cfg, out, errs)
}

func chosen(all []rehearsal, text string) (some []rehearsal) {
	for _, r := range all {
		if strings.Contains(r.title, text) {
			some = append(some, r)
		}
	}
	return some
}

// rehearse runs the rehearsals and returns the exit code.
func rehearse(ctx context.Context, all []rehearsal, cfg config, out, errs io.Writer) int {
	if len(all) == 0 {
		fmt.Fprintln(errs, "rehearsal: no rehearsal has such a title")
		return 2
	}
	results := make([]result, len(all))
	for i, r := range all {
		results[i] = r.run(ctx, cfg)
	}
	table(out, all, results)
	code := 0
	for i, r := range all {
		for _, fault := range r.judge(results[i]) {
			fmt.Fprintf(errs, "rehearsal: %s: %s\n", r.title, fault)
			code = 1
		}
	}
	return code
}
