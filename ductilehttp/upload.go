package ductilehttp

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"net/http"
	"reflect"
	"strings"
	"sync"
	"sync/atomic"
)

// upload is the body of a request, for all attempts.
type upload interface {
	// open returns the body for the next attempt, or an error if it cannot be sent again.
	open() (io.ReadCloser, error)
	// replayable reports whether open can return the whole body once more.
	replayable() bool
	// parallel reports whether several attempts may use the body at once.
	parallel() bool
	// hold takes the body from the attempt that has it, and reports whether another attempt
	// is possible. A base may continue to read after it has answered, and the next attempt
	// must not miss that data.
	hold() bool
	// close reports that no further attempt follows. If an attempt is still sending the
	// body, the source is closed when that attempt closes it.
	close()
}

// newUpload returns the body of r. If the body has no GetBody and cannot be rewound, up to
// limit bytes are kept to be sent again.
func newUpload(r *http.Request, limit int64) upload {
	if _, ours := r.Body.(*noBody); ours || r.Body == nil || r.Body == http.NoBody {
		return noUpload{}
	}
	if r.GetBody != nil {
		return &rewound{first: guard(r.Body), again: r.GetBody}
	}
	if u := newSeeking(r.Body); u != nil {
		return u
	}
	if r.ContentLength > limit {
		limit = 0
	}
	return &recorded{single: single{src: guard(r.Body)}, limit: limit}
}

// bodyError is a failure of the request body, which is the caller's fault.
type bodyError struct{ err error }

func (e *bodyError) Error() string { return fmt.Sprintf("ductilehttp: read request body: %v", e.err) }
func (e *bodyError) Unwrap() error { return e.err }

// noBody is an empty body that net/http does not recognize as empty. net/http by itself
// never repeats a request with a body but no GetBody.
type noBody struct{}

func (*noBody) Read([]byte) (int, error)         { return 0, io.EOF }
func (*noBody) WriteTo(io.Writer) (int64, error) { return 0, nil }
func (*noBody) Close() error                     { return nil }

// noUpload is the body of a request without a body.
type noUpload struct{}

func (noUpload) open() (io.ReadCloser, error) { return nil, nil }
func (noUpload) replayable() bool             { return true }
func (noUpload) parallel() bool               { return true }
func (noUpload) hold() bool                   { return true }
func (noUpload) close()                       {}

// rewound is a body that the request's GetBody returns again.
type rewound struct {
	again func() (io.ReadCloser, error)

	mu    sync.Mutex
	first io.ReadCloser // nil once an attempt has it
}

func (u *rewound) take() io.ReadCloser {
	u.mu.Lock()
	defer u.mu.Unlock()
	first := u.first
	u.first = nil
	return first
}

func (u *rewound) open() (io.ReadCloser, error) {
	if first := u.take(); first != nil {
		return first, nil
	}
	body, err := u.again()
	switch {
	case errors.Is(err, errBroken), errors.Is(err, errSpent): // from a Transport that wraps this one
		return nil, err
	case err != nil:
		return nil, &bodyError{err}
	case body == nil:
		return nil, &bodyError{errors.New("GetBody returned neither a body nor an error")}
	}
	return guard(body), nil
}

func (u *rewound) replayable() bool { return true }
func (u *rewound) parallel() bool   { return true }
func (u *rewound) hold() bool       { return true } // each attempt has its own body

func (u *rewound) close() {
	if first := u.take(); first != nil {
		_ = first.Close()
	}
}

// guard wraps body so that it is closed at most once and its errors are recognizable. A
// body in memory needs neither. net/http recognizes such bodies and sends them together
// with the header.
func guard(body io.ReadCloser) io.ReadCloser {
	if _, ok := inMemory(body); ok {
		return body
	}
	return &guarded{src: body}
}

// nopClosers are the types that io.NopCloser returns.
var nopClosers = [...]reflect.Type{
	reflect.TypeOf(io.NopCloser(nil)),
	reflect.TypeOf(io.NopCloser(new(bytes.Buffer))),
}

// bareReader returns the reader in an io.NopCloser, or body itself.
func bareReader(body io.Reader) io.Reader {
	if t := reflect.TypeOf(body); t == nopClosers[0] || t == nopClosers[1] {
		r, _ := reflect.ValueOf(body).Field(0).Interface().(io.Reader)
		return r
	}
	return body
}

// inMemory returns what is left of body if that is in memory.
func inMemory(body io.ReadCloser) (n int64, ok bool) {
	switch r := bareReader(body).(type) {
	case *bytes.Reader:
		return int64(r.Len()), true
	case *bytes.Buffer:
		return int64(r.Len()), true
	case *strings.Reader:
		return int64(r.Len()), true
	case *noBody:
		return 0, true
	}
	return 0, false
}

type guarded struct {
	src    io.ReadCloser
	once   sync.Once
	err    error
	closed atomic.Bool // set before src is closed: a Read on another goroutine may then fail
}

func (g *guarded) Read(p []byte) (int, error) {
	n, err := g.src.Read(p)
	if err != nil && err != io.EOF && !g.closed.Load() {
		err = &bodyError{err}
	}
	return n, err
}

func (g *guarded) Close() error {
	g.once.Do(func() {
		g.closed.Store(true)
		g.err = g.src.Close()
	})
	return g.err
}
