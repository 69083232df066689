package ratelimit

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/ductile-go/ductile/fake"
)

// doubted returns a limiter of one token per second, whose two tokens are taken and a
// third reserved, and a doubt of a goroutine that was held up before the lock.
func doubted(t *testing.T, certain bool) (*Limiter, *fake.Clock, Reservation, *doubt) {
	t.Helper()
	clk := fake.NewClock()
	l := NewLimiter(Config{Limit: 1, Burst: 2, Clock: clk})
	require.True(t, l.Allow(2))
	r, err := l.Reserve(1, -1)
	require.NoError(t, err)
	b := l.bucket.Load()
	return l, clk, r, &doubt{bucket: b, lowered: b.line.lowered.Load(), full: b.full.Load(), certain: certain}
}

func TestADoubtEndsWithItsReason(t *testing.T) {
	t.Run("tokens that are promised", func(t *testing.T) {
		l, _, _, d := doubted(t, false)
		assert.False(t, d.stands(), "full is as far ahead as the promise")
		l.bucket.Load().line.promised.Store(0)
		assert.True(t, d.stands(), "and would be too far ahead without")
	})
	t.Run("tokens that were returned and taken again", func(t *testing.T) {
		l, clk, r, d := doubted(t, false)
		r.Cancel()
		clk.Advance(time.Second)
		require.True(t, l.Allow(1))
		require.Equal(t, d.full, l.bucket.Load().full.Load())
		assert.False(t, d.stands())
	})
	t.Run("tokens that were returned", func(t *testing.T) {
		_, _, r, d := doubted(t, false)
		r.Cancel()
		assert.False(t, d.stands())
	})
	t.Run("another bucket", func(t *testing.T) {
		l, _, _, d := doubted(t, true)
		require.True(t, d.stands(), "the reading is older than the bucket")
		l.SetRate(2, 0, 2)
		assert.False(t, d.stands())
	})
	t.Run("another line", func(t *testing.T) {
		l, _, _, d := doubted(t, true)
		l.begin(d.bucket.line)
		assert.False(t, d.stands())
	})
}

// A caller that was held up still has a bucket that was replaced twice.
func TestACallerOfAReplacedBucketFollowsIt(t *testing.T) {
	for name, call := range map[string]func(*Limiter){
		"Snapshot":   func(l *Limiter) { assert.Equal(t, 5, l.Snapshot().Tokens) },
		"Allow":      func(l *Limiter) { assert.False(t, l.Allow(6)); assert.True(t, l.Allow(5)) },
		"RetryAfter": func(l *Limiter) { assert.Equal(t, time.Second, l.due(6)) },
	} {
		t.Run(name, func(t *testing.T) {
			l := NewLimiter(Config{Limit: 1, Burst: 2, Clock: fake.NewClock()})
			require.True(t, l.Allow(1))
			old := l.bucket.Load()
			l.SetRate(1, 0, 4)
			l.SetRate(1, 0, 6)
			current := l.bucket.Load()
			l.bucket.Store(old)
			call(l)
			assert.Equal(t, int64(moved), old.full.Load())
			assert.NotEqual(t, int64(moved), current.full.Load())
		})
	}
}

func TestTokensTakenWhileABucketIsReplacedStayTaken(t *testing.T) {
	l := NewLimiter(Config{Limit: 1, Burst: 5, Clock: fake.NewClock()})
	b, attempts := l.bucket.Load(), 0
	l.swap(b, b.successor(0), func(full int64) int64 {
		if attempts++; attempts == 1 {
			require.True(t, b.take(2, 0), "after full was read, and before it is moved")
		}
		return full
	})
	assert.Equal(t, 2, attempts)
	assert.Equal(t, 3, l.Snapshot().Tokens)
	assert.False(t, b.take(1, 0))
}
