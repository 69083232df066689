// Command ductile checks, explains and rehearses the configuration of resilience policies.
//
//	ductile check FILE…               find faults, and what is likely to hurt
//	ductile explain FILE [PIPELINE]   what a pipeline does at worst
//	ductile simulate SCENARIO         rehearse an outage in virtual time
//	ductile schema                    the JSON Schema, for editors
//
// ductile COMMAND --help lists the flags of each. It needs no installation:
//
//	go run github.com/ductile-go/ductile/cmd/ductile@latest check ductile.yaml
package main

import (
	"os"

	"github.com/ductile-go/ductile/cmd/ductile/internal/cli"
)

func main() { os.Exit(cli.Run(os.Args[1:], cli.System())) }
