package ratelimit_test

import (
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/ductile-go/ductile/ratelimit"
)

// staged is a settable clock whose next readings are prepared by a test.
type staged struct {
	*settable
	readings []reading
}

// reading is how much a reading is off, as if its caller had been held up since, and what
// happens before its caller goes on.
type reading struct {
	off  time.Duration
	then func()
}

func (s *staged) Now() time.Time {
	now := s.settable.Now()
	if len(s.readings) == 0 {
		return now
	}
	next := s.readings[0]
	s.readings = s.readings[1:]
	if next.then != nil {
		next.then()
	}
	return now.Add(next.off)
}

func newStaged() *staged { return &staged{settable: newSettable()} }

// few is drain for a limiter that might grant tokens without end.
func few(l *ratelimit.Limiter) (n int) {
	for range 100 {
		if l.Allow(1) {
			n++
		}
	}
	return n
}

func TestAnOldReadingGrantsNoNewBurst(t *testing.T) {
	for _, off := range []time.Duration{1, time.Millisecond, time.Hour} {
		clk := newStaged()
		l := ratelimit.NewLimiter(ratelimit.Config{Limit: 10, Burst: 5, Clock: clk})
		clk.set(2 * time.Hour)
		require.Equal(t, 5, few(l))
		for range 3 {
			clk.readings = []reading{{off: -off}}
			assert.False(t, l.Allow(1), "off by %v", off)
			clk.readings = []reading{{off: -off}}
			assert.LessOrEqual(t, l.Snapshot().Tokens, 0, "off by %v", off)
			clk.readings = []reading{{off: -off}}
			_, err := l.Reserve(1, 0)
			assert.ErrorIs(t, err, ratelimit.ErrExceeded, "off by %v", off)
		}
		clk.Advance(100 * time.Millisecond)
		assert.Equal(t, 1, few(l))
	}
}

// Two calls see at once that the clock was set back. The second one, which was held up,
// must not restart the bucket again.
func TestACallThatIsHeldUpDoesNotRestartTheLimiterAgain(t *testing.T) {
	for name, to := range map[string]time.Duration{
		"before the bucket": time.Hour,
		"after the bucket":  3 * time.Hour,
	} {
		clk := newStaged()
		l := ratelimit.NewLimiter(ratelimit.Config{Limit: 20, Burst: 5, Clock: clk})
		clk.set(2 * time.Hour)
		l.SetRate(10, 0, 5) // makes a bucket
		clk.set(4 * time.Hour)
		require.Equal(t, 5, few(l))
		clk.set(to)
		granted := 0
		clk.readings = []reading{{}, {then: func() { granted = few(l) }}}
		if l.Allow(1) {
			granted++
		}
		assert.Equal(t, 5, granted, name)
		assert.Zero(t, few(l), name)
	}
}

// A reading of 2^62 sixteenths of a nanosecond is the first that is out of range.
func TestALimiterRestartsFullAfterNineYears(t *testing.T) {
	clk := newStaged()
	l := ratelimit.NewLimiter(ratelimit.Config{Limit: 1, Per: year, Burst: 2, Clock: clk})
	const last = 1<<58 - 1
	clk.set(last)
	require.Equal(t, 2, few(l))
	assert.Zero(t, few(l))
	assert.False(t, l.Idle())
	assert.Zero(t, l.Snapshot().Tokens)
	clk.set(last + 1)
	assert.True(t, l.Idle())
	assert.Equal(t, 2, l.Snapshot().Tokens)
	assert.Equal(t, 2, few(l))
	clk.set(last + 1 + year)
	assert.Equal(t, 1, few(l), "and goes on as before")
}

// Sums of a reading that is out of range overflow.
func TestALimiterWhoseClockIsSetFarAheadGrantsItsBurst(t *testing.T) {
	for _, to := range []time.Duration{1 << 58, 1<<59 - 1, 1 << 59, 1 << 60, 1<<62 - 1, -1, -year, -100 * year} {
		clk := newStaged()
		l := ratelimit.NewLimiter(ratelimit.Config{Limit: 10, Burst: 5, Clock: clk})
		clk.set(to)
		assert.Equal(t, 5, few(l), "%v", to)
		clk.Advance(200 * time.Millisecond)
		assert.Equal(t, 2, few(l), "%v", to)
	}
}

// queued are calls that wait on a clock that their test moves.
func queued(t *testing.T, l *ratelimit.Limiter, n int) *waiting {
	t.Helper()
	w := queue(l, n)
	t.Cleanup(w.end)
	return w
}

func (w *waiting) sofar() []int {
	synctest.Wait()
	w.mu.Lock()
	defer w.mu.Unlock()
	return append([]int{}, w.served...)
}

// Allow takes a token beside the line, so that it sees that the clock was set back.
func TestWaitersKeepTheirRateWhenAnotherCallFindsTheClockSetBack(t *testing.T) {
	for name, to := range map[string]time.Duration{
		"before the bucket": time.Hour,
		"after the bucket":  3 * time.Hour,
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				clk := newStaged()
				l := ratelimit.NewLimiter(ratelimit.Config{Limit: 2, Burst: ratelimit.NoBurst, Clock: clk})
				clk.set(2 * time.Hour)
				l.SetRate(1, 0, ratelimit.NoBurst) // makes a bucket
				clk.set(4 * time.Hour)
				require.True(t, l.Allow(1))
				w := queued(t, l, 3)
				clk.set(4*time.Hour + 10*time.Second) // wakes no sleeper
				require.True(t, l.Allow(1))
				clk.set(to)
				assert.False(t, l.Allow(1), "the line is before it")
				assert.Equal(t, []int{0}, w.sofar())
				clk.Advance(time.Second - 1)
				assert.Equal(t, []int{0}, w.sofar())
				clk.Advance(1)
				assert.Equal(t, []int{0, 1}, w.sofar())
				clk.Advance(time.Second)
				assert.Equal(t, []int{0, 1, 2}, w.sofar())
			})
		})
	}
}
