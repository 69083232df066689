// Command report reads what the benchmarks of package bench have printed, and
// writes the tables and the chart of it.
//
//	go run ./cmd/report -md RESULTS.md -svg results.svg -command "make bench" run.txt...
package main

import (
	"bytes"
	"errors"
	"flag"
	"fmt"
	"os"
	"runtime"
	"time"

	"github.com/ductile-go/ductile/bench/internal/runs"
)

func main() {
	md := flag.String("md", "", "the file to write tables to")
	chart := flag.String("svg", "", "the file to draw the chart in; its ending chooses the format")
	command := flag.String("command", "", "how the input was made")
	flag.Parse()
	if err := report(*md, *chart, *command, flag.Args()); err != nil {
		fmt.Fprintln(os.Stderr, "report:", err)
		os.Exit(1)
	}
}

func report(md, chart, command string, inputs []string) error {
	if len(inputs) == 0 {
		return errors.New("no input, want files of benchmark output")
	}
	var rs runs.Runs
	for _, name := range inputs {
		data, err := os.ReadFile(name)
		if err != nil {
			return err
		}
		if err := rs.Read(bytes.NewReader(data), name); err != nil {
			return err
		}
	}
	if md != "" {
		text := tables(&rs, header{
			Machine: machine(rs.Config["cpu"]), Go: runtime.Version(),
			Date: time.Now().UTC().Format(time.DateOnly), Command: command,
		})
		if err := os.WriteFile(md, []byte(text), 0o644); err != nil {
			return err
		}
	}
	if chart != "" {
		return drawChart(&rs, chart)
	}
	return nil
}

func machine(cpu string) string {
	return fmt.Sprintf("%s, %d cores, %s/%s", cpu, runtime.NumCPU(), runtime.GOOS, runtime.GOARCH)
}
