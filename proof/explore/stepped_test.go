//go:build ductile_explore

package explore

import "context"

// stepped is a context whose end calls the attached functions on the thread that ends it. Package
// context would call them on a goroutine that the explorer does not see.
type stepped struct {
	context.Context
	done     chan struct{}
	attached map[*func()]struct{}
	ended    bool
}

func newStepped() *stepped {
	return &stepped{Context: context.Background(), done: make(chan struct{}), attached: map[*func()]struct{}{}}
}

func (s *stepped) Done() <-chan struct{} { return s.done }

func (s *stepped) Err() error {
	touch(s)
	if s.ended {
		return context.Canceled
	}
	return nil
}

func (s *stepped) AfterFunc(f func()) (stop func() bool) {
	touch(s)
	if s.ended {
		f()
		return func() bool { return false }
	}
	s.attached[&f] = struct{}{}
	return func() bool {
		touch(s)
		_, was := s.attached[&f]
		delete(s.attached, &f)
		return was
	}
}

func (s *stepped) cancel() {
	touch(s)
	s.ended = true
	close(s.done)
	attached := s.attached
	s.attached = map[*func()]struct{}{}
	for f := range attached {
		(*f)()
	}
}

// nothingAttached returns a check that no function is left attached.
func (s *stepped) nothingAttached(r *rig) func() {
	return func() {
		if n := len(s.attached); n > 0 {
			r.fault("%d functions are left on the context", n)
		}
	}
}
