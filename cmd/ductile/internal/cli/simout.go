package cli

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/ductile-go/ductile/internal/report"
	"github.com/ductile-go/ductile/sim"
)

// written is what an answer can be written as.
type written interface {
	Verdict() string
	WriteHTML(w io.Writer) error
	WriteText(w io.Writer) error
	WriteMarkdown(w io.Writer) error
}

// forms are how an answer is written, by the extension of a file.
var forms = map[string]func(written, io.Writer) error{
	".html": written.WriteHTML, ".txt": written.WriteText, ".md": written.WriteMarkdown,
	".svg":  func(a written, w io.Writer) error { return a.(*sim.Report).WriteSVG(w) },
	".json": func(a written, w io.Writer) error { return a.(*sim.Report).WriteJSON(w) },
	".csv":  func(a written, w io.Writer) error { return a.(*sim.Report).WriteCSV(w) },
}

// outProblem returns what is wrong with a file to write. Answers of questions are pages.
func outProblem(file string, question bool) string {
	form := strings.ToLower(filepath.Ext(file))
	switch {
	case forms[form] == nil:
		return fmt.Sprintf("--out is %q, want a name that ends in .html, .svg, .json, .csv, .md or .txt", file)
	case question && (form == ".svg" || form == ".json" || form == ".csv"):
		return fmt.Sprintf("--out is %q, want a name that ends in .html, .md or .txt: the answer is a page", file)
	}
	return ""
}

// outs are the files to write. They are opened before the run, so that a long one is not in
// vain, and truncated after it.
type outs []*out

type out struct {
	*os.File
	unwritten bool // it did not exist, and holds no answer yet
}

func openOut(names []string) (all outs, problem string) {
	for _, name := range names {
		f, err := os.OpenFile(name, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o666) //nolint:gosec // the user names it
		isNew := err == nil
		if errors.Is(err, fs.ErrExist) {
			f, err = os.OpenFile(name, os.O_WRONLY|os.O_CREATE, 0o666) //nolint:gosec // the user names it
		}
		if err != nil {
			all.close()
			return nil, fmt.Sprintf("--out %s cannot be written: %v", name, unwrapped(err))
		}
		all = append(all, &out{f, isNew})
	}
	return all, ""
}

// unwrapped returns the error of the system, without the path that is named already.
func unwrapped(err error) error {
	if p, ok := err.(*os.PathError); ok { //nolint:errorlint // as package os returns it
		return p.Err
	}
	return err
}

// close closes the files, and removes those that would be left empty.
func (o outs) close() {
	for _, f := range o {
		_ = f.Close()
		if f.unwritten {
			_ = os.Remove(f.Name())
		}
	}
}

// write writes an answer into all files.
func (o outs) write(a written) error {
	for _, f := range o {
		var b bytes.Buffer
		if err := forms[strings.ToLower(filepath.Ext(f.Name()))](a, &b); err != nil {
			return fmt.Errorf("--out %s: %w", f.Name(), err)
		}
		if err := replace(f.File, b.Bytes()); err != nil {
			return fmt.Errorf("--out %s cannot be written: %w", f.Name(), unwrapped(err))
		}
		f.unwritten = false
	}
	return nil
}

// replace replaces what a file holds.
func replace(f *os.File, text []byte) error {
	if info, err := f.Stat(); err == nil && info.Mode().IsRegular() {
		if err := f.Truncate(0); err != nil {
			return err
		}
	}
	_, err := f.Write(text)
	return err
}

// print prints an answer to the standard output in the format that is asked for.
func (r *rehearsal) print(a written) error {
	switch {
	case r.format == "github":
		return r.summarize(a)
	case r.quiet && r.format == "text":
		return r.say("%s\n", report.Clean(a.Verdict())) // the names in it are of the file's choosing
	case r.format == "text":
		return a.WriteText(r.env.Stdout)
	case r.format == "markdown":
		return a.WriteMarkdown(r.env.Stdout)
	}
	return forms["."+r.format](a, r.env.Stdout)
}

func (r *rehearsal) say(format string, args ...any) error {
	_, err := fmt.Fprintf(r.env.Stdout, format, args...)
	return err
}

// summarize appends an answer to the summary of the job, and prints the verdict. Outside of a
// job it prints all.
func (r *rehearsal) summarize(a written) error {
	name := lookup(r.env.Environ, "GITHUB_STEP_SUMMARY")
	if name == "" {
		return a.WriteMarkdown(r.env.Stdout)
	}
	f, err := os.OpenFile(name, os.O_WRONLY|os.O_CREATE|os.O_APPEND, 0o666) //nolint:gosec // the job names it
	if err != nil {
		return fmt.Errorf("the summary of the job, GITHUB_STEP_SUMMARY, cannot be written: %w", err)
	}
	err = a.WriteMarkdown(f)
	if closed := f.Close(); err == nil {
		err = closed
	}
	if err != nil {
		return fmt.Errorf("the summary of the job, GITHUB_STEP_SUMMARY, is not written: %w", err)
	}
	return r.say("::notice title=%s::%s\n", inProperty("ductile: simulate"), inMessage(a.Verdict()))
}

// lookup returns the value of a variable, or "".
func lookup(environ []string, name string) string {
	value := ""
	for _, v := range environ {
		if n, rest, _ := strings.Cut(v, "="); n == name {
			value = rest
		}
	}
	return value
}
