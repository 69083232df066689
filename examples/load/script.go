package main

import "time"

// phase is a part of a run, and how the server behaves in it.
type phase struct {
	name  string
	parts int // share of the run, relative to the other phases
	act   func(n int64) act
}

// act is how the server treats a request.
type act int

const (
	answers   act = iota
	refuses       // with a 503
	hangs         // until the client disconnects
	resets        // the connection, without a response
	breaksOff     // in the middle of the body
)

func always(a act) func(int64) act { return func(int64) act { return a } }

func every(nth int64, a, otherwise act) func(int64) act {
	return func(n int64) act {
		if n%nth == 0 {
			return a
		}
		return otherwise
	}
}

// script is how the server behaves. It is healthy for a while before each new kind of
// trouble, so that each starts with closed circuits and kept-alive connections.
var script = []phase{
	{"all is well", 3, always(answers)},
	{"every other request fails", 4, every(2, refuses, answers)},
	{"every request fails", 2, always(refuses)},
	{"all is well again", 2, always(answers)},
	{"requests hang", 3, always(hangs)},
	{"all is well again", 2, always(answers)},
	{"connections break", 3, every(3, breaksOff, resets)},
	{"all is well in the end", 3, always(answers)},
}

// at returns the index of the phase at elapsed in a run of the given length. Times after
// the end belong to the last phase.
func at(elapsed, length time.Duration) int {
	total := 0
	for _, p := range script {
		total += p.parts
	}
	end := time.Duration(0)
	for i, p := range script {
		end += length * time.Duration(p.parts) / time.Duration(total)
		if elapsed < end {
			return i
		}
	}
	return len(script) - 1
}
