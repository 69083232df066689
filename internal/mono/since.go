package mono

import "time"

// Since measures the time since a fixed moment on a clock, or on real time, in
// nanoseconds. Make one with [Start]; the zero Since measures real time from when this
// package was initialized. It is safe for concurrent use if its clock is.
type Since struct {
	start   int64    // on real time, as Now returned it
	virtual *virtual // nil on real time
}

// Source is the part of a clock that Since reads.
type Source interface{ Now() time.Time }

type virtual struct {
	Source
	start time.Time
}

// Start returns the time since now on a clock. If clock is nil, it measures real time.
func Start(clock Source) Since {
	if clock == nil {
		return Since{start: Now()}
	}
	return Since{virtual: &virtual{clock, clock.Now()}}
}

// Clock returns the clock that Start was given, or nil.
func (s *Since) Clock() Source {
	if s.virtual == nil {
		return nil
	}
	return s.virtual.Source
}

// Now returns the nanoseconds that have passed, by the clock's monotonic reading where it
// has one. It is negative if a clock without one has been set back to before the start.
func (s *Since) Now() int64 {
	if s.virtual == nil {
		return Now() - s.start
	}
	return int64(s.virtual.Now().Sub(s.virtual.start))
}

// When returns the time at which Now returned at, by the wall clock as it is set now. It
// reads the clock once: between two readings some time passes, which would make the results
// for the same at differ from call to call.
func (s *Since) When(at int64) time.Time {
	if s.virtual == nil {
		return Time(s.start + at)
	}
	now := s.virtual.Now()
	return now.Add(time.Duration(at) - now.Sub(s.virtual.start))
}
