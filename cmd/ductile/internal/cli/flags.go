package cli

import (
	"errors"
	"flag"
	"fmt"
	"io"
	"regexp"
	"slices"
	"strings"
)

// flags is a flag.FlagSet that takes flags and arguments in any order, suggests the flag
// nearest to an unknown one, and prints its help as the other commands do.
type flags struct {
	*flag.FlagSet
	of *command
}

func newFlags(of *command) *flags {
	f := &flags{flag.NewFlagSet(of.name, flag.ContinueOnError), of}
	f.SetOutput(io.Discard)
	f.Usage = func() {}
	return f
}

// parse returns the arguments that are no flags. If the command must end here, done is
// true and code is its exit code.
func (f *flags) parse(env Env, args []string) (rest []string, code int, done bool) {
	for {
		err := f.Parse(args)
		if errors.Is(err, flag.ErrHelp) {
			fmt.Fprintf(env.Stdout, "%s", f.help())
			return nil, exitOK, true
		}
		if err != nil {
			return nil, f.fault(env, err), true
		}
		left := f.Args()
		if len(left) == 0 {
			return f.named(env, rest)
		}
		if n := len(args) - len(left); n > 0 && args[n-1] == "--" { // only arguments follow
			return f.named(env, append(rest, left...))
		}
		rest, args = append(rest, left[0]), left[1:]
	}
}

// named returns the arguments if each is a name.
func (f *flags) named(env Env, all []string) (rest []string, code int, done bool) {
	if slices.Contains(all, "") {
		return nil, usageError(env, f.of.name, "an argument is empty, want a name: is a variable of the script not set?", "", nil), true
	}
	return all, exitOK, false
}

// fault prints what is wrong with a flag.
func (f *flags) fault(env Env, err error) int {
	name, isUnknown := strings.CutPrefix(err.Error(), "flag provided but not defined: -")
	if !isUnknown {
		return usageError(env, f.of.name, f.reworded(err.Error()), "", nil)
	}
	known := []string{"--help"}
	f.VisitAll(func(g *flag.Flag) { known = append(known, "--"+g.Name) })
	name = "--" + strings.TrimLeft(name, "-")
	return usageError(env, f.of.name, "unknown flag "+name, name, known)
}

// What package flag says of a value that is wrong, and of one that is missing.
var (
	wrongValue   = regexp.MustCompile(`^invalid (?:boolean )?value (".*") for (?:flag )?-([a-z]+): (.*)$`)
	missingValue = regexp.MustCompile(`^flag needs an argument: -([a-z]+)$`)
)

// reworded returns what package flag says in the words of the other messages, with the flag
// as it is written in the help.
func (f *flags) reworded(text string) string {
	if m := wrongValue.FindStringSubmatch(text); m != nil {
		want := m[3]
		if want == "parse error" { // of a flag that takes no value
			want = "want true or false, or no value"
		}
		return fmt.Sprintf("--%s is %s, %s", m[2], m[1], want)
	}
	if m := missingValue.FindStringSubmatch(text); m != nil {
		value, _ := flag.UnquoteUsage(f.Lookup(m[1]))
		return fmt.Sprintf("--%s needs a value, as in --%[1]s %s", m[1], value)
	}
	return text
}

// oneOf reports whether a flag has one of the known values. If not, it prints that.
func (f *flags) oneOf(env Env, name, value string, known ...string) bool {
	if slices.Contains(known, value) {
		return true
	}
	usageError(env, f.of.name, fmt.Sprintf("--%s is %q, want %s", name, value, strings.Join(known, ", ")), value, known)
	return false
}

// help returns the help of the command.
func (f *flags) help() string {
	var b strings.Builder
	c := f.of
	fmt.Fprintf(&b, "Usage: ductile %s\n\n%s\n", c.synopsis(f), c.help)
	first := true
	f.VisitAll(func(g *flag.Flag) {
		if first {
			b.WriteString("\nFlags:\n")
			first = false
		}
		value, usage := flag.UnquoteUsage(g)
		fmt.Fprintf(&b, "  %-16s %s\n", strings.TrimSpace("--"+g.Name+" "+value), usage)
	})
	fmt.Fprintf(&b, "\nExample:\n  %s\n", c.example)
	return b.String()
}

func (c *command) synopsis(f *flags) string {
	text, flagged := c.name, false
	f.VisitAll(func(*flag.Flag) { flagged = true })
	if flagged {
		text += " [FLAGS]"
	}
	return strings.TrimSpace(text + " " + c.args)
}
