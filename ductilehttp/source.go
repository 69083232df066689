package ductilehttp

import (
	"errors"
	"io"
	"sync"
)

// single is a body of which there is one source. One attempt at a time may read it.
type single struct {
	src io.ReadCloser

	// reading is held through a read of src, so that the next attempt knows what it got.
	reading sync.Mutex

	mu      sync.Mutex
	current io.ReadCloser // the one that may read src
	done    bool          // no further attempt
}

var errSuperseded = errors.New("ductilehttp: another attempt has the request's body")

func (u *single) parallel() bool { return false }

func (u *single) isCurrent(r io.ReadCloser) bool {
	u.mu.Lock()
	defer u.mu.Unlock()
	return u.current == r
}

// close closes src unless an attempt has it.
func (u *single) close() {
	u.mu.Lock()
	u.done = true
	idle := u.current == nil
	u.mu.Unlock()
	if idle {
		_ = u.src.Close()
	}
}

// closed notes that r is no longer read. It never waits for a Read, since closing the
// source is what ends a Read that is stuck in it.
func (u *single) closed(r io.ReadCloser) {
	u.mu.Lock()
	last := u.current == r && u.done
	if u.current == r {
		u.current = nil
	}
	u.mu.Unlock()
	if last {
		_ = u.src.Close()
	}
}

// recorded is a body that comes once. What is read of it is kept up to limit, so that it
// streams like any other, nothing is read before the server asks for it, and yet an
// attempt can begin again.
type recorded struct {
	single
	limit int64
	seen  []byte
	end   error // what src ended with
	over  bool  // under mu: what was read is no longer all there
}

func (u *recorded) open() (io.ReadCloser, error) {
	u.mu.Lock()
	defer u.mu.Unlock()
	if u.over || u.done {
		return nil, &bodyError{errors.New("it cannot be sent again")}
	}
	r := &recording{of: u}
	u.current = r
	return r, nil
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

// keep records what was read, unless it is too much. A recording that was closed
// meanwhile leaves its last piece to the next in any case.
func (r *recording) keep(p []byte) {
	u := r.of
	u.mu.Lock()
	defer u.mu.Unlock()
	if u.over || len(p) == 0 {
		return
	}
	if u.current == r && int64(len(u.seen)+len(p)) > u.limit {
		u.over, u.seen, r.at = true, nil, -1
		return
	}
	u.seen = append(u.seen, p...)
	r.at = len(u.seen)
}

func (r *recording) Close() error {
	r.of.closed(r)
	return nil
}

// seeking is a body that can be rewound, as a file. Attempts share its offset, so each
// reader seeks to its own place if another has moved it.
type seeking struct {
	single
	seeker io.Seeker
	start  int64
	at     int64 // of src, under reading
}

// newSeeking returns nil if body cannot be rewound.
func newSeeking(body io.ReadCloser) *seeking {
	s, ok := bareReader(body).(io.Seeker)
	if !ok {
		return nil
	}
	start, err := s.Seek(0, io.SeekCurrent)
	if err != nil { // a pipe, say
		return nil
	}
	return &seeking{single: single{src: guard(body)}, seeker: s, start: start, at: start}
}

func (u *seeking) open() (io.ReadCloser, error) {
	u.mu.Lock()
	defer u.mu.Unlock()
	if u.done {
		return nil, &bodyError{errors.New("it cannot be sent again")}
	}
	r := &section{of: u, at: u.start}
	u.current = r
	return r, nil
}

func (u *seeking) replayable() bool { return true }

func (u *seeking) hold() bool {
	u.mu.Lock()
	defer u.mu.Unlock()
	u.current = nil
	return true
}

// section is one attempt's way through a seeking body.
type section struct {
	of *seeking
	at int64
}

func (r *section) Read(p []byte) (int, error) {
	u := r.of
	u.reading.Lock()
	defer u.reading.Unlock()
	if !u.isCurrent(r) {
		return 0, errSuperseded
	}
	if u.at != r.at {
		if _, err := u.seeker.Seek(r.at, io.SeekStart); err != nil {
			return 0, &bodyError{err}
		}
		u.at = r.at
	}
	n, err := u.src.Read(p)
	u.at += int64(n)
	if !u.isCurrent(r) {
		return 0, errSuperseded // the next seeks back
	}
	r.at = u.at
	return n, err
}

func (r *section) Close() error {
	r.of.closed(r)
	return nil
}
