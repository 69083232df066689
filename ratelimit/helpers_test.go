package ratelimit_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/ductile-go/ductile/ratelimit"
)

var errDown = errors.New("down")

func succeed(context.Context) (int, error) { return 1, nil }

// drain takes tokens one by one, and returns their number.
func drain(l *ratelimit.Limiter) (n int) {
	for l.Allow(1) {
		n++
	}
	return n
}

// grant records tokens that were granted at a time.
type grant struct {
	at     time.Duration
	tokens int
}

// conforms checks that no window has more than burst + rate x window tokens, to the
// precision of nanoseconds.
func conforms(t *testing.T, grants []grant, limit int, per time.Duration, burst int) {
	t.Helper()
	for i := range grants {
		sum := 0
		for j := i; j < len(grants); j++ {
			sum += grants[j].tokens
			window := grants[j].at - grants[i].at + 2
			most := burst + int(float64(window)*float64(limit)/float64(per))
			require.LessOrEqual(t, sum, most, "tokens in %v from %v on", window-2, grants[i].at)
		}
	}
}

// refusedFor checks an error that has the time until the tokens are due.
func refusedFor(t *testing.T, err error, after time.Duration) {
	t.Helper()
	var refused *ratelimit.ExceededError
	require.ErrorAs(t, err, &refused)
	assert.Equal(t, after, refused.RetryAfter())
}

// lastOfFour makes four reservations of a token, cancels the first three, and returns the
// last, which keeps its time.
func lastOfFour(t *testing.T, l *ratelimit.Limiter) ratelimit.Reservation {
	t.Helper()
	var held []ratelimit.Reservation
	for range 4 {
		r, err := l.Reserve(1, -1)
		require.NoError(t, err)
		held = append(held, r)
	}
	for _, r := range held[:3] {
		r.Cancel()
	}
	return held[3]
}
