package cli

import (
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/ductile-go/ductile/ductileconfig"
	"github.com/ductile-go/ductile/ductileconfig/scenario"
	"github.com/ductile-go/ductile/sim"
	"github.com/ductile-go/ductile/sim/scenarios"
)

// rehearsed is a scenario that was read, and what the command line changes in it.
type rehearsed struct {
	*scenario.File
	from measuredRates
	seed seed
}

// scenario returns the scenario to run.
func (s *rehearsed) scenario() sim.Scenario { return s.changed(s.Scenario(), "") }

// changed returns a scenario with the changes of the command line, except for what stands at
// a path that is swept.
func (s *rehearsed) changed(x sim.Scenario, swept string) sim.Scenario {
	if s.seed.set && swept != "seed" {
		x.Seed = s.seed.n
	}
	return s.from.apply(x, swept)
}

// open reads the scenario with a configuration. If it is at fault, it prints that and returns
// nil and an exit code.
func (r *rehearsal) open(config []string) (*rehearsed, int) {
	source, own, err := r.scenarioSource()
	if err != nil {
		return nil, r.fail(err.Error())
	}
	var configs []ductileconfig.Source
	for _, file := range config {
		c, err := r.in.open(file)
		if err != nil {
			return nil, r.fail(err.Error())
		}
		configs = append(configs, c)
	}
	if len(config) == 0 && own != nil {
		configs = append(configs, own)
	}
	if r.prefix != "" {
		configs = append(configs, ductileconfig.Environ(r.prefix, r.env.Environ))
	}
	file, err := scenario.Read(source, configs...)
	if err != nil {
		return nil, r.faulty(faults(err))
	}
	from, err := r.measured(file)
	if err != nil {
		return nil, r.fail(err.Error())
	}
	return &rehearsed{file, from, r.seed}, exitOK
}

// open returns a file, or the standard input, as a source.
func (s *source) open(file string) (ductileconfig.Source, error) {
	if file != stdin {
		return ductileconfig.File(file), nil
	}
	if err := s.readStdin(); err != nil {
		return nil, fmt.Errorf("%s: %w", stdinName, err)
	}
	return ductileconfig.Bytes(stdinName, s.in), nil
}

// scenarioSource returns the scenario, and the configuration of an example.
func (r *rehearsal) scenarioSource() (source, own ductileconfig.Source, err error) {
	if r.example == "" {
		source, err = r.in.open(r.files[0])
		return source, nil, err
	}
	e, err := scenarios.Find(r.example)
	if err != nil {
		return nil, nil, err
	}
	embedded := func(name string) ductileconfig.Source {
		text, _ := e.File(name) // it is embedded
		at := r.example + "/" + name
		r.in.text[at] = lines([]byte(text))
		return ductileconfig.Bytes(at, []byte(text))
	}
	return embedded("outage.yaml"), embedded("ductile.yaml"), nil
}

// fail prints what is wrong.
func (r *rehearsal) fail(text string) int {
	fmt.Fprintf(r.env.Stderr, "ductile simulate: %s\n", text)
	return exitFault
}

// faulty prints the faults of files, as check does.
func (r *rehearsal) faulty(all []diagnostic) int {
	switch r.format {
	case "github":
		github(r.env.Stdout, all)
	case "json":
		found := &result{Files: append(append([]string{}, r.files...), r.config...)}
		found.add(all)
		writeJSON(r.env.Stdout, found)
	default:
		for _, d := range all {
			d.text(r.env.Stderr, paintOf(Env{Terminal: r.env.ErrTerminal, Environ: r.env.Environ}))
		}
	}
	return exitFault
}

func (r *rehearsal) printExamples() int {
	for _, e := range scenarios.All() {
		fmt.Fprintf(r.env.Stdout, "%-20s %s\n", e.Name, e.Title)
	}
	return exitOK
}

// writeExample writes the files of an example. It replaces none that is there.
func (r *rehearsal) writeExample() int {
	e, err := scenarios.Find(r.example)
	if err != nil {
		return r.fail(err.Error())
	}
	names, err := fs.Glob(e.Files(), "*")
	if err == nil {
		err = os.MkdirAll(r.write, 0o777) //nolint:gosec // as mkdir does
	}
	for _, name := range names {
		if err == nil {
			err = writeNew(filepath.Join(r.write, name), e, name)
		}
	}
	if err != nil {
		return r.fail(fmt.Sprintf("the example is not written: %v; give another --write DIR", err))
	}
	fmt.Fprintf(r.env.Stdout, "wrote %s into %s; run it with\n  ductile simulate %s --config %s\n", strings.Join(names, ", "), r.write,
		filepath.Join(r.write, "outage.yaml"), filepath.Join(r.write, "ductile.yaml"))
	return exitOK
}

func writeNew(path string, e scenarios.Example, name string) error {
	text, err := e.File(name)
	if err != nil {
		return err
	}
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o666) //nolint:gosec // the user names it
	if err != nil {
		return err
	}
	_, err = f.WriteString(text)
	if closed := f.Close(); err == nil {
		err = closed
	}
	return err
}
