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
	"errors"
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
	switch err := flags.Parse(args); {
	case errors.Is(err, flag.ErrHelp):
		return 0
	case err != nil:
		return 2
	}
	if wrong := cfg.wrong(flags.Args()); wrong != "" {
		fmt.Fprintln(errs, "rehearsal: "+wrong)
		return 2
	}
	return rehearse(ctx, chosen(rehearsals, *only), cfg, out, errs)
}

// wrong returns what is wrong with the config or the arguments after the flags, or "".
func (c config) wrong(args []string) string {
	switch {
	case len(args) > 0:
		return fmt.Sprintf("%q is no flag, want flags only: use -only to choose rehearsals", args[0])
	case c.seed == 0:
		return "-seed is 0, want more: a seed of 0 is a random one, and no two runs would be alike"
	case c.careless && c.below:
		return "-careless has no effect with -below, want one of them: below the SDK, all attempts are one request of the SDK, with one key"
	}
	return ""
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
