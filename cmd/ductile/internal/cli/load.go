package cli

import (
	"errors"
	"io"

	"github.com/ductile-go/ductile/cmd/ductile/internal/analysis"
	"github.com/ductile-go/ductile/ductileconfig"
	"github.com/ductile-go/ductile/registry"
)

// stdin is the file that stands for the standard input, and stdinName is what it is called
// in what is printed.
const (
	stdin     = "-"
	stdinName = "stdin"
)

// mostIn is how much of the standard input is read: more than a file may hold, so that Load
// refuses what is cut there.
const mostIn = 2 << 20

// faultCode is the code of what does not load.
const faultCode = "fault"

// source reads files and the environment.
type source struct {
	env  Env
	text texts
	in   []byte // the standard input, once it has been read
	read bool
}

func newSource(env Env) *source { return &source{env: env, text: texts{}} }

// load merges the files, and then the variables whose names begin with prefix if that is
// not empty.
func (s *source) load(prefix string, files ...string) (registry.Spec, []diagnostic) {
	var sources []ductileconfig.Source
	for _, file := range files {
		if file != stdin {
			sources = append(sources, ductileconfig.File(file))
			continue
		}
		if err := s.readStdin(); err != nil {
			return registry.Spec{}, []diagnostic{{File: stdinName, Finding: fault(err.Error())}}
		}
		sources = append(sources, ductileconfig.Bytes(stdinName, s.in))
	}
	if prefix != "" {
		sources = append(sources, ductileconfig.Environ(prefix, s.env.Environ))
	}
	spec, err := ductileconfig.Load(sources...)
	return spec, faults(err)
}

func (s *source) readStdin() error {
	if s.read {
		return nil
	}
	in, err := io.ReadAll(io.LimitReader(s.env.Stdin, mostIn))
	s.in, s.read = in, err == nil
	s.text[stdinName] = lines(in)
	return err
}

// faults returns the diagnostics of an error of Load, which joins errors of one type.
func faults(err error) []diagnostic {
	var list interface{ Unwrap() []error }
	if !errors.As(err, &list) {
		return nil
	}
	var all []diagnostic
	for _, e := range list.Unwrap() {
		d := diagnostic{Finding: fault(e.Error())}
		if f, ok := errors.AsType[*ductileconfig.Error](e); ok {
			d = diagnostic{File: f.File, Line: f.Line, Column: f.Column, Excerpt: f.Excerpt, Finding: fault(f.Message())}
			d.Path, d.Fix = f.Path, f.Hint
		}
		all = append(all, d)
	}
	return all
}

// fault returns an error that is no finding of the analysis.
func fault(text string) analysis.Finding {
	return analysis.Finding{Severity: analysis.Error, Code: faultCode, Text: text}
}

// check returns what the analysis finds in a Spec, at the places of the values.
func (s *source) check(spec registry.Spec) []diagnostic {
	var all []diagnostic
	for _, f := range analysis.Check(spec) {
		d := diagnostic{Finding: f}
		d.File, d.Line, d.Column = place(spec.Origins, f.Path)
		d.Excerpt = s.text.excerpt(d.File, d.Line, d.Column)
		all = append(all, d)
	}
	return all
}
