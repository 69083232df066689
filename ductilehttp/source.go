package ductilehttp

import (
	"errors"
	"io"
	"sync"
)

// single is a body with one source. Only one attempt at a time may read it.
type single struct {
	src io.ReadCloser

	// reading is held during a read of src, so that the next attempt sees all data that was
	// read.
	reading sync.Mutex

	mu      sync.Mutex
	current io.ReadCloser // the reader that may read src
	done    bool          // no further attempt follows
}

var errSuperseded = errors.New("ductilehttp: another attempt is reading the request body")

func (u *single) parallel() bool { return false }

func (u *single) isCurrent(r io.ReadCloser) bool {
	u.mu.Lock()
	defer u.mu.Unlock()
	return u.current == r
}

// close closes src unless an attempt is using it.
func (u *single) close() {
	u.mu.Lock()
	u.done = true
	idle := u.current == nil
	u.mu.Unlock()
	if idle {
		_ = u.src.Close()
	}
}

// closed records that r is no longer read. It never waits for a Read: a Read that is stuck
// in the source ends only when the source is closed.
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

// recorded is a body that can be read only once. What was read is kept, up to limit, for
// the next attempt. The body still streams: nothing is read before the server asks for it.
type recorded struct {
	single
	limit int64
	seen  []byte
	end   error // the error that src ended with
	over  bool  // under mu: part of what was read is no longer kept
}

func (u *recorded) open() (io.ReadCloser, error) {
	u.mu.Lock()
	defer u.mu.Unlock()
	if u.over || u.done {
		return nil, &bodyError{errors.New("the body cannot be sent again")}
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

// recording is one attempt's reader of a recorded body.
type recording struct {
	of *recorded
	at int // position in seen; -1 if seen was dropped
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
		return 0, errSuperseded // closed in between; the data is kept for the next attempt
	}
	return n, err
}

// keep records data that was read, unless it exceeds the limit. The last data of a
// recording that was closed in between is always kept for the next attempt.
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

// seeking is a body that can be rewound, such as a file. Attempts share its offset, so each
// reader seeks to its own position if another reader has moved it.
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
	if err != nil { // for example a pipe
		return nil
	}
	return &seeking{single: single{src: guard(body)}, seeker: s, start: start, at: start}
}

func (u *seeking) open() (io.ReadCloser, error) {
	u.mu.Lock()
	defer u.mu.Unlock()
	if u.done {
		return nil, &bodyError{errors.New("the body cannot be sent again")}
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

// section is one attempt's reader of a seeking body.
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
		return 0, errSuperseded // the next attempt seeks back
	}
	r.at = u.at
	return n, err
}

func (r *section) Close() error {
	r.of.closed(r)
	return nil
}
