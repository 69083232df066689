package ductilehttp

import (
	"context"
	"strconv"
	"time"
)

// timeLeft returns the value of a timeout header: the time left in ctx, or the value that
// the request already has if that is less. It returns false if ctx has no deadline.
func timeLeft(ctx context.Context, already string, now time.Time) (string, bool) {
	deadline, ok := ctx.Deadline()
	if !ok {
		return "", false
	}
	left := max(deadline.Sub(now), time.Millisecond)
	if d, ok := parseTimeLeft(already); ok && d < left {
		left = d
	}
	return strconv.FormatInt(left.Milliseconds(), 10), true
}

// parseTimeLeft parses a timeout header. As in the Connect protocol, it accepts at most ten
// digits.
func parseTimeLeft(v string) (time.Duration, bool) {
	ms, err := strconv.ParseUint(v, 10, 63)
	if err != nil || len(v) > 10 {
		return 0, false
	}
	return time.Duration(ms) * time.Millisecond, true
}
