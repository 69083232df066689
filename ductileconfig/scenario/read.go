package scenario

import (
	"github.com/ductile-go/ductile/ductileconfig"
	"github.com/ductile-go/ductile/ductileconfig/internal/tree"
	"github.com/ductile-go/ductile/sim"
)

// File is a scenario that was read, and can be changed. It may be used by several goroutines.
type File struct {
	source   ductileconfig.Source
	config   []ductileconfig.Source
	loader   *loader
	scenario sim.Scenario
}

// Read reads as [Load] does, for programs that change single values afterwards.
func Read(source ductileconfig.Source, config ...ductileconfig.Source) (*File, error) {
	f := &File{source: source, config: config, loader: &loader{config: config}}
	var err error
	f.scenario, err = f.loader.load(source)
	if err != nil {
		return nil, err
	}
	return f, nil
}

// Scenario returns the scenario. Each call returns the same lists, which must not be changed.
func (f *File) Scenario() sim.Scenario { return f.scenario }

// With reads the files anew, and returns the scenario with one value changed. The path is in
// the language of the files:
//
//   - of a pipeline, as "retry.max_attempts": in each variant, of the pipelines that clients
//     and services name and that set "retry" there; of all of these pipelines if none sets it;
//   - of the configuration, as "circuits.stripe.failure_rate", in each variant;
//   - of the scenario, as "services.api.workers", "faults[0].slow" or "seed".
//
// The value is what a file would hold, null to remove what is set. If anything is wrong, the
// error is as that of Load, with path=value as the name of the file.
func (f *File) With(path, value string) (sim.Scenario, error) {
	l := &loader{config: f.config, over: newOverride(path, value)}
	return l.load(f.source)
}

// Place returns where the value of a path stands, as "expect[0].p99" or "clients.web.rate",
// or the innermost key above it: the name of the file, the line and the column, from 1. They
// are 0 if they are not known.
func (f *File) Place(path string) (file string, line, column int) {
	n, _ := tree.Find(f.loader.root, path)
	return n.File, n.Line, n.Column
}

// Door returns the pipeline or the family through which a client's or service's calls go,
// or "".
func (f *File) Door(name string) string {
	d := f.loader.doors()[name]
	return d.pipeline + d.family
}

// Circuits returns the names of the circuits in the pipeline of a client or service, the
// outermost first.
func (f *File) Circuits(name string) []string {
	var out []string
	for p := f.loader.doors()[name].pipeline; p != ""; p = f.loader.base.Pipelines[p].Pipeline {
		if circuit := f.loader.base.Pipelines[p].Circuit; circuit != "" {
			out = append(out, circuit)
		}
	}
	return out
}
