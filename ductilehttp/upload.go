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

// MaxBufferedBody is how much of a request's body is kept to be sent again where
// the request has no GetBody. A longer body is sent once.
const MaxBufferedBody = 1 << 20

// upload is the body of a request, for as many attempts as there are.
type upload interface {
	// open returns the body for the next attempt.
	open() (io.ReadCloser, error)
	// replayable reports whether open can return the whole body once more.
	replayable() bool
	// hold takes the body from the attempt that has it, and reports whether there
	// can be another. The base may read on after it has answered, and what it
	// reads must not be lost to the next.
	hold() bool
	// close says that there is no further attempt. The body of one may still be
	// on its way, and closes the rest when it has ended.
	close()
}

// newUpload returns the body of r, which may keep up to limit bytes to send them
// again.
func newUpload(r *http.Request, limit int) upload {
	switch {
	case r.Body == nil || r.Body == http.NoBody:
		return noUpload{r.Body}
	case r.GetBody != nil:
		return &rewound{first: guard(r.Body), again: r.GetBody}
	}
	if r.ContentLength > int64(limit) {
		limit = 0
	}
	return &recorded{src: guard(r.Body), limit: limit}
}

// bodyError is the failure of a request's body, which is the caller's.
type bodyError struct{ err error }

func (e *bodyError) Error() string { return fmt.Sprintf("ductilehttp: read request body: %v", e.err) }
func (e *bodyError) Unwrap() error { return e.err }

// noUpload is a body that is not there.
type noUpload struct{ body io.ReadCloser }

func (u noUpload) open() (io.ReadCloser, error) { return u.body, nil }
func (noUpload) replayable() bool               { return true }
func (noUpload) hold() bool                     { return true }
func (noUpload) close()                         {}

// rewound is a body that the request can get again.
type rewound struct {
	again func() (io.ReadCloser, error)

	mu    sync.Mutex
	first io.ReadCloser // until it is handed out
}

func (u *rewound) open() (io.ReadCloser, error) {
	u.mu.Lock()
	first := u.first
	u.first = nil
	u.mu.Unlock()
	if first != nil {
		return first, nil
	}
	body, err := u.again()
	switch {
	case errors.Is(err, errBroken), errors.Is(err, errSpent): // of a Transport around this one
		return nil, err
	case err != nil:
		return nil, &bodyError{err}
	case body == nil:
		return nil, &bodyError{errors.New("GetBody returned neither a body nor an error")}
	}
	return guard(body), nil
}

func (u *rewound) replayable() bool { return true }
func (u *rewound) hold() bool       { return true } // each attempt has one of its own

func (u *rewound) close() {
	u.mu.Lock()
	first := u.first
	u.first = nil
	u.mu.Unlock()
	if first != nil {
		_ = first.Close()
	}
}

// guard returns body such that it is closed at most once and its errors are known
// to be its own. A body in memory needs neither, and net/http, which looks for
// such ones, sends them in one piece with the header.
func guard(body io.ReadCloser) io.ReadCloser {
	if inMemory(body) {
		return body
	}
	return &guarded{src: body}
}

// Those that io.NopCloser makes.
var nopClosers = [...]reflect.Type{
	reflect.TypeOf(io.NopCloser(nil)),
	reflect.TypeOf(io.NopCloser(new(bytes.Buffer))),
}

func inMemory(body io.ReadCloser) bool {
	if t := reflect.TypeOf(body); t != nopClosers[0] && t != nopClosers[1] {
		return false
	}
	switch reflect.ValueOf(body).Field(0).Interface().(type) {
	case *bytes.Reader, *bytes.Buffer, *strings.Reader:
		return true
	}
	return false
}

type guarded struct {
	src    io.ReadCloser
	once   sync.Once
	err    error
	closed atomic.Bool
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

// recorded is a body that comes once. What is read of it is kept as far as limit
// goes, so that it streams like any other, nothing is swallowed before the
// server asks for it, and yet an attempt can begin again.
type recorded struct {
	src   io.ReadCloser
	limit int

	reading sync.Mutex // held through a read of src, so that what it got is known to the next
	seen    []byte
	end     error // what src ended with

	mu      sync.Mutex
	over    bool       // what was read is no longer all there
	current *recording // the one that may read src
	done    bool       // no further attempt
}

var errSuperseded = errors.New("ductilehttp: another attempt has the request's body")

func (u *recorded) open() (io.ReadCloser, error) {
	u.mu.Lock()
	defer u.mu.Unlock()
	if u.over || u.done {
		return nil, &bodyError{errors.New("it cannot be sent again")}
	}
	u.current = &recording{of: u}
	return u.current, nil
}

func (u *recorded) replayable() bool {
	u.mu.Lock()
	defer u.mu.Unlock()
	return !u.over
}

func (u *recorded) hold() bool {
	u.mu.Lock()
	defer u.mu.Unlock()
	if u.over {
		return false
	}
	u.current = nil
	return true
}

func (u *recorded) close() {
	u.mu.Lock()
	u.done = true
	idle := u.current == nil
	u.mu.Unlock()
	if idle {
		_ = u.src.Close()
	}
}

// closed is told that a recording is no longer read.
func (u *recorded) closed(r *recording) {
	u.mu.Lock()
	last := u.current == r && u.done
	if u.current == r {
		u.current = nil
	}
	u.mu.Unlock()
	if last {
		_ = u.src.Close() // also where a read is stuck in it: that is what ends the read
	}
}

func (u *recorded) isCurrent(r *recording) bool {
	u.mu.Lock()
	defer u.mu.Unlock()
	return u.current == r
}

// recording is one attempt's way through a recorded body.
type recording struct {
	of *recorded
	at int // how far it is in what has been seen; -1 when that is gone
}

func (r *recording) Read(p []byte) (int, error) {
	u := r.of
	u.reading.Lock()
	defer u.reading.Unlock()
	if !u.isCurrent(r) {
		return 0, errSuperseded
	}
	if r.at >= 0 && r.at < len(u.seen) {
		n := copy(p, u.seen[r.at:])
		r.at += n
		return n, nil
	}
	if u.end != nil {
		return 0, u.end
	}
	n, err := u.src.Read(p)
	u.end = err
	r.keep(p[:n])
	if !u.isCurrent(r) {
		return 0, errSuperseded // closed meanwhile; what was read is kept for the next
	}
	return n, err
}

// keep records what was read, unless it is too much. A recording that was
// closed meanwhile leaves its last piece to the next in any case.
func (r *recording) keep(p []byte) {
	u := r.of
	u.mu.Lock()
	defer u.mu.Unlock()
	if u.over || len(p) == 0 {
		return
	}
	if u.current == r && len(u.seen)+len(p) > u.limit {
		u.over, u.seen, r.at = true, nil, -1
		return
	}
	u.seen = append(u.seen, p...)
	r.at = len(u.seen)
}

// Close never waits for a Read.
func (r *recording) Close() error {
	r.of.closed(r)
	return nil
}
