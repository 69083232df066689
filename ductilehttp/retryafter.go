package ductilehttp

import (
	"net/http"
	"strconv"
	"strings"
	"time"
)

// maxRetryAfter rejects nonsense in a Retry-After. How long to wait at most is the decision
// of retry.Config.MaxRetryAfter.
const maxRetryAfter = 365 * 24 * time.Hour

// Hint returns how long a response asks its client to wait: the longest wait of its
// Retry-After headers, read as by [RetryAfter], and of retry-after-ms and
// x-ms-retry-after-ms, which are in milliseconds. It returns false if there is none. It is
// the default of Hint in [Config].
func Hint(resp *http.Response) (time.Duration, bool) { return hintAt(resp.Header, time.Now()) }

func hintAt(h http.Header, now time.Time) (time.Duration, bool) {
	longest, ok := RetryAfter(h, now)
	for _, name := range [...]string{"Retry-After-Ms", "X-Ms-Retry-After-Ms"} {
		for _, v := range h[name] {
			ms, err := strconv.ParseUint(strings.TrimSpace(v), 10, 63)
			if err == nil && ms <= uint64(maxRetryAfter/time.Millisecond) {
				longest, ok = max(longest, time.Duration(ms)*time.Millisecond), true
			}
		}
	}
	return longest, ok
}

// RetryAfter returns the wait that the Retry-After headers ask for, and the longest if
// there are several. It accepts whole seconds and the three date formats of RFC 9110,
// section 5.6.7. A date is measured from the response's Date, so that the result does not
// depend on this machine's clock, or from now if there is no valid Date. A date in the past
// means a wait of 0. Invalid values are skipped: a negative number, a fraction, more than a
// year. RetryAfter returns false if no valid value is left.
func RetryAfter(h http.Header, now time.Time) (time.Duration, bool) {
	longest, found := time.Duration(0), false
	for _, v := range h["Retry-After"] {
		if d, ok := parseRetryAfter(strings.TrimSpace(v), h, now); ok {
			longest, found = max(longest, d), true
		}
	}
	return longest, found
}

// inSeconds returns a wait of more than 0 as Retry-After has it: in seconds, rounded up.
func inSeconds(wait time.Duration) string {
	return strconv.FormatInt(int64((wait-1)/time.Second)+1, 10)
}

func parseRetryAfter(v string, h http.Header, now time.Time) (time.Duration, bool) {
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
	if date, err := http.ParseTime(h.Get("Date")); err == nil {
		now = date
	}
	d := at.Sub(now) // saturates
	if d > maxRetryAfter {
		return 0, false
	}
	return max(d, 0), true
}
