package main

import (
	"context"
	_ "embed"
	"fmt"
	"io"
	"os"
	"path/filepath"

	"github.com/ductile-go/ductile/ductileconfig"
	"github.com/ductile-go/ductile/ductileconfig/scenario"
	"github.com/ductile-go/ductile/sim"
)

//go:embed outage.yaml
var outageFile []byte

// rehearse runs the outage of the story again in the simulator, with the same policies and
// many customers, writes the report into dir, and prints one line about it.
func rehearse(ctx context.Context, out io.Writer, dir string) error {
	s, err := scenario.Load(ductileconfig.Bytes("outage.yaml", outageFile))
	if err != nil {
		return err
	}
	report, err := sim.Run(ctx, s)
	if err != nil {
		return err
	}
	path := filepath.Join(dir, "outage.html")
	page, err := os.Create(path) //nolint:gosec // beside the scenario
	if err != nil {
		return err
	}
	if err := report.WriteHTML(page); err != nil {
		_ = page.Close()
		return err
	}
	if err := page.Close(); err != nil {
		return err
	}
	fmt.Fprintf(out, "the same outage with 40 orders a second, simulated: %s: %s\n", path, report.Result("as_configured").Verdict)
	return report.Check()
}

// beside returns the directory of outage.yaml, or one for temporary files if the program
// does not run in a checkout of the repository.
func beside() string {
	for _, dir := range []string{"checkout", ".", filepath.Join("examples", "checkout")} {
		if text, err := os.ReadFile(filepath.Join(dir, "outage.yaml")); err == nil && string(text) == string(outageFile) { //nolint:gosec // known names
			return dir
		}
	}
	return os.TempDir()
}
