package cli

import (
	"bytes"
	"fmt"

	"github.com/ductile-go/ductile/ductileconfig"
)

func schemaCommand() *command {
	return &command{
		name: "schema", summary: "print the JSON Schema of the files, for editors",
		help: `Prints the JSON Schema (draft 2020-12) of what check reads. With it an editor
completes names and shows faults as you type. Let a file begin with

  # yaml-language-server: $schema=ductile.schema.json`,
		example: "ductile schema > ductile.schema.json",
		run: func(c *command, env Env, args []string) int {
			return withoutArgs(c, env, args, func() {
				fmt.Fprintf(env.Stdout, "%s\n", bytes.TrimSpace(ductileconfig.Schema()))
			})
		},
	}
}

func versionCommand() *command {
	return &command{
		name: "version", summary: "print the version",
		help:    "Prints the version of ductile, and the Go version that built it.",
		example: "ductile version",
		run: func(c *command, env Env, args []string) int {
			return withoutArgs(c, env, args, func() { fmt.Fprintln(env.Stdout, env.Version) })
		},
	}
}

// withoutArgs runs a command that takes neither flags nor arguments.
func withoutArgs(c *command, env Env, args []string, do func()) int {
	rest, code, done := newFlags(c).parse(env, args)
	switch {
	case done:
		return code
	case len(rest) > 0:
		return usageError(env, c.name, fmt.Sprintf("unexpected argument %q", rest[0]), "", nil)
	}
	do()
	return exitOK
}
