package ductilehttp

import (
	"net/http"
	"strconv"
	"strings"
	"time"
)

// maxRetryAfter is what a Retry-After may say and be believed. It bounds
// nonsense, not patience, which is retry.Config.MaxRetryAfter.
const maxRetryAfter = 365 * 24 * time.Hour

// RetryAfter returns the delay that a Retry-After header asks for, seen at now.
// It takes whole seconds and the three dates of RFC 9110, section 5.6.7. A date
// that has passed is no delay. It returns false where there is no such header,
// and for nonsense: a negative number, a fraction, more than a year.
func RetryAfter(h http.Header, now time.Time) (time.Duration, bool) {
	v := strings.TrimSpace(h.Get("Retry-After"))
	if v == "" {
		return 0, false
	}
	if seconds, err := strconv.ParseUint(v, 10, 63); err == nil {
		if seconds > uint64(maxRetryAfter/time.Second) {
			return 0, false
		}
		return time.Duration(seconds) * time.Second, true
	}
	at, err := http.ParseTime(v)
	if err != nil {
		return 0, false
	}
	d := at.Sub(now) // saturates
	if d > maxRetryAfter {
		return 0, false
	}
	return max(d, 0), true
}
