package sim

import "time"

// bin is what is recorded of one second of a run.
type bin struct {
	calls, succeeded, open   int64
	requests, served, wasted int64
	sum                      time.Duration
	times                    spread
	queue                    int
}
