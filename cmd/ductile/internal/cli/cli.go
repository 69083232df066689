// Package cli is the command line of ductile: its commands, their flags, and what they
// print.
package cli

import (
	"context"
	"fmt"
	"io"
	"os"
	"os/signal"
	"runtime"
	"runtime/debug"
	"slices"
	"strings"
	"syscall"
	"time"

	"github.com/ductile-go/ductile/internal/nearest"
)

// Exit codes.
const (
	exitOK    = 0
	exitFault = 1 // what was looked at is at fault
	exitUsage = 2 // the command line is

	exitInterrupt = 130 // as shells have it
)

// Env is what a command uses of its process.
type Env struct {
	Stdin    io.Reader
	Stdout   io.Writer
	Stderr   io.Writer
	Environ  []string // as os.Environ
	Terminal bool     // Stdout is a terminal
	Version  string

	ErrTerminal bool                                         // Stderr is a terminal
	Now         func() time.Time                             // real time, for progress; nil means none is shown
	Interrupt   func() (context.Context, context.CancelFunc) // a context that an interrupt ends; nil means none does
}

// System returns the Env of this process.
func System() Env {
	return Env{
		Stdin: os.Stdin, Stdout: os.Stdout, Stderr: os.Stderr, Environ: os.Environ(),
		Terminal: isTerminal(os.Stdout), ErrTerminal: isTerminal(os.Stderr),
		Version: version(debug.ReadBuildInfo()),
		Now:     time.Now, Interrupt: interrupt,
	}
}

func isTerminal(f *os.File) bool {
	info, err := f.Stat()
	return err == nil && info.Mode()&os.ModeCharDevice != 0
}

// interrupt returns a context that the first interrupt ends. The second one ends the process.
func interrupt() (context.Context, context.CancelFunc) {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	context.AfterFunc(ctx, stop)
	return ctx, stop
}

// version returns the version of the module, and with which Go it was built.
func version(info *debug.BuildInfo, ok bool) string {
	v := "(devel)"
	if ok && info.Main.Version != "" {
		v = info.Main.Version
	}
	return fmt.Sprintf("ductile %s, %s %s/%s", v, runtime.Version(), runtime.GOOS, runtime.GOARCH)
}

// command is one of the words that may follow the name of the program.
type command struct {
	name    string
	args    string // "FILE…"
	summary string
	help    string // between the synopsis and the flags
	example string
	run     func(c *command, env Env, args []string) int
}

func commands() []*command {
	return []*command{checkCommand(), explainCommand(), simulateCommand(), schemaCommand(), versionCommand()}
}

// Run runs the command line, without the name of the program, and returns the exit code.
func Run(args []string, env Env) int {
	out := &output{Writer: env.Stdout}
	env.Stdout = out
	code := dispatch(args, env)
	if code == exitOK && out.err != nil {
		fmt.Fprintf(env.Stderr, "ductile: the standard output cannot be written: %v\n", unwrapped(out.err))
		return exitFault
	}
	return code
}

// output remembers the error of a write, so that output that was cut is no success.
type output struct {
	io.Writer
	err error
}

// Write writes, unless a write has failed before.
func (o *output) Write(b []byte) (int, error) {
	if o.err != nil {
		return 0, o.err
	}
	n, err := o.Writer.Write(b)
	o.err = err
	return n, err
}

func dispatch(args []string, env Env) int {
	if len(args) == 0 {
		fmt.Fprintf(env.Stderr, "%s", overview())
		return exitUsage
	}
	name, rest := args[0], args[1:]
	switch name {
	case "help", "--help", "-help", "-h":
		return help(env, rest)
	case "--version", "-version":
		name = "version"
	}
	if c := find(name); c != nil {
		return c.run(c, env, rest)
	}
	return unknown(env, name)
}

func find(name string) *command {
	for _, c := range commands() {
		if c.name == name {
			return c
		}
	}
	return nil
}

func help(env Env, args []string) int {
	if len(args) == 0 {
		fmt.Fprintf(env.Stdout, "%s", overview())
		return exitOK
	}
	if c := find(args[0]); c != nil {
		return c.run(c, env, []string{"--help"})
	}
	return unknown(env, args[0])
}

func unknown(env Env, name string) int {
	what, names := "command", []string{"help"}
	for _, c := range commands() {
		names = append(names, c.name)
	}
	if strings.HasPrefix(name, "-") {
		what, names = "flag", []string{"--help", "--version"}
	}
	slices.Sort(names)
	return usageError(env, "", fmt.Sprintf("unknown %s %s", what, name), name, names)
}

// usageError prints what is wrong with the command line, the nearest of the known words,
// and where to read more. of is the command, or empty.
func usageError(env Env, of, problem, word string, known []string) int {
	if hint := nearest.Hint(word, known); hint != "" {
		problem += ", " + hint
	}
	program := strings.TrimSpace("ductile " + of)
	fmt.Fprintf(env.Stderr, "%s: %s\nRun '%s --help' for usage.\n", program, problem, program)
	return exitUsage
}

// overview returns the help of the program.
func overview() string {
	var b strings.Builder
	b.WriteString("ductile checks, explains and rehearses the configuration of resilience policies.\n\n" +
		"Usage: ductile COMMAND [FLAGS] [ARGUMENTS]\n\nCommands:\n")
	for _, c := range commands() {
		fmt.Fprintf(&b, "  %-26s %s\n", strings.TrimSpace(c.name+" "+c.args), c.summary)
	}
	b.WriteString("\nRun 'ductile COMMAND --help' for the flags and an example of each.\n\n" +
		"Example:\n  ductile check --strict ductile.yaml\n\n" +
		"Exit codes: 0 all is well, 1 faults were found, 2 the command line is wrong.\n")
	return b.String()
}
