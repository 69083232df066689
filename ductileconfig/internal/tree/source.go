package tree

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
)

// Source is where values come from.
type Source interface {
	// Open returns the values, or nil if there are none, and adds the faults of the
	// source itself. Rank numbers the source. Base is what the sources before it set, or
	// nil.
	Open(rank int, base *Node, faults *Faults) *Node
}

// Bytes is a Source of YAML or JSON.
type Bytes struct {
	Name string
	Data []byte
	Err  error // why there is no Data
}

// Open parses the text.
func (b Bytes) Open(rank int, _ *Node, faults *Faults) *Node {
	at := Place{Rank: rank, File: b.Name}
	if b.Err != nil {
		faults.Add(at, Fault{Problem: b.Err.Error(), Hint: hintOf(b.Name, b.Err)})
		return nil
	}
	return Parse(at, b.Data, faults)
}

// ErrMissing says that a file is not there.
var ErrMissing = errors.New("the file does not exist")

// hintOf says where a file that is not there was looked for, unless its path says it.
func hintOf(path string, err error) string {
	if errors.Is(err, ErrMissing) && !filepath.IsAbs(path) {
		return "looked for it in " + workDir()
	}
	return ""
}

func workDir() string {
	dir, err := os.Getwd()
	if err != nil {
		return "the working directory"
	}
	return dir
}

// File is a Source that reads a file when it is opened.
type File struct{ Path string }

// Open reads and parses the file.
func (f File) Open(rank int, base *Node, faults *Faults) *Node {
	return f.Read().Open(rank, base, faults)
}

// Read returns what the file holds now. It reads little more than MaxBytes.
func (f File) Read() Bytes {
	data, err := read(f.Path)
	return Bytes{Name: f.Path, Data: data, Err: err}
}

func read(path string) ([]byte, error) {
	file, err := open(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, ErrMissing
	}
	if err != nil {
		return nil, cause("the file cannot be opened", err)
	}
	defer func() { _ = file.Close() }()
	switch info, err := file.Stat(); {
	case err != nil:
		return nil, cause("the file cannot be read", err)
	case info.IsDir():
		return nil, errors.New("is a directory, want a file")
	case !info.Mode().IsRegular():
		return nil, errors.New("is no regular file, want one: a pipe or a device could block")
	}
	data, err := io.ReadAll(io.LimitReader(file, MaxBytes+1))
	if err != nil {
		return nil, cause("the file cannot be read", err)
	}
	return data, nil
}

// swaps is how often a file is looked for. Opening follows links one after another: if a
// link is turned to another directory in between and the first one is removed, as
// Kubernetes does, the file seems to be away, though it never was.
const swaps = 4

// open opens a file for reading. It does not wait for the other end of a pipe.
func open(path string) (*os.File, error) {
	return found(func() (*os.File, error) { return os.OpenFile(path, os.O_RDONLY|nonblock, 0) })
}

// found looks for a file until it is there, but not more often than swaps.
func found(look func() (*os.File, error)) (file *os.File, err error) {
	for range swaps {
		if file, err = look(); !errors.Is(err, fs.ErrNotExist) {
			break
		}
	}
	return file, err
}

// cause returns an error without the path that the place of a fault names already.
func cause(what string, err error) error {
	if path, ok := errors.AsType[*fs.PathError](err); ok {
		err = path.Err
	}
	return fmt.Errorf("%s: %w", what, err)
}
