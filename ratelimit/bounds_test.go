package ratelimit_test

import (
	"math"
	"strconv"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/ductile-go/ductile/fake"
	"github.com/ductile-go/ductile/ratelimit"
)

// ints returns those of the numbers that an int of this machine has.
func ints(numbers ...int64) (all []int) {
	for _, n := range numbers {
		if int64(int(n)) == n {
			all = append(all, int(n))
		}
	}
	return all
}

func TestTheBoundsOfAConfigAreValid(t *testing.T) {
	valid := []ratelimit.Config{
		{Limit: 1, Per: 2 * year, Burst: 1},
		{Limit: 16, Per: 1},
		{Limit: 1, Per: year, Burst: 2},
		{Limit: 10, Burst: ratelimit.NoBurst},
	}
	invalid := map[string]ratelimit.Config{
		"Per": {Limit: 1, Per: 2*year + 1, Burst: 1},
	}
	if limit, burst := int64(16e9), int64(2*year)*16; strconv.IntSize == 64 {
		valid = append(valid, ratelimit.Config{Limit: int(limit)}, ratelimit.Config{Limit: int(limit), Burst: int(burst)})
		invalid["Limit"] = ratelimit.Config{Limit: int(limit + 1)}
		invalid["Burst"] = ratelimit.Config{Limit: int(limit), Burst: int(burst + 1)}
	}
	for _, cfg := range valid {
		require.NoError(t, cfg.Validate(), "%+v", cfg)
		cfg.Clock = fake.NewClock()
		l := ratelimit.NewLimiter(cfg)
		burst := cfg.WithDefaults().Burst
		assert.Equal(t, burst, l.Snapshot().Tokens, "%+v", cfg)
		assert.True(t, l.Allow(burst), "%+v", cfg)
		assert.False(t, l.Allow(1), "%+v", cfg)
	}
	for field, cfg := range invalid {
		assert.ErrorContains(t, cfg.Validate(), "ratelimit: Config."+field+" is ", "%+v", cfg)
	}
}

// The default burst of a limit that no period allows is not computed by a division that
// panics.
func TestAnAbsurdLimitIsReported(t *testing.T) {
	const most = "want 1 to 16, 16 for each nanosecond of Per"
	for _, limit := range ints(math.MaxInt32, (1<<64)/100_000_000+1, (1<<63)/100_000_000+1, math.MaxInt64) {
		assert.ErrorContains(t, ratelimit.Config{Limit: limit, Per: 1}.Validate(), most, "%d", limit)
	}
}

func TestWithDefaultsFillsInWhatIsZero(t *testing.T) {
	for _, c := range []struct{ cfg, want ratelimit.Config }{
		{ratelimit.Config{}, ratelimit.Config{Per: time.Second}},
		{ratelimit.Config{Limit: -1}, ratelimit.Config{Limit: -1, Per: time.Second}},
		{ratelimit.Config{Limit: 10, Per: -1}, ratelimit.Config{Limit: 10, Per: -1}},
		{ratelimit.Config{Limit: 10, Burst: -1}, ratelimit.Config{Limit: 10, Per: time.Second, Burst: -1}},
		{ratelimit.Config{Limit: 16, Per: 1}, ratelimit.Config{Limit: 16, Per: 1, Burst: 16e8}},
		{ratelimit.Config{Limit: 10, Per: time.Hour}, ratelimit.Config{Limit: 10, Per: time.Hour, Burst: 1}},
		{ratelimit.Config{Limit: 1e6}, ratelimit.Config{Limit: 1e6, Per: time.Second, Burst: 1e5}},
	} {
		assert.Equal(t, c.want, c.cfg.WithDefaults(), "%+v", c.cfg)
		assert.Equal(t, c.want, c.want.WithDefaults(), "%+v", c.cfg)
	}
}

func TestTheDelayOfAnImmediateReservationIsZero(t *testing.T) {
	assert.Zero(t, ratelimit.Reservation{}.Delay())
	l := ratelimit.NewLimiter(ratelimit.Config{Limit: 1, Burst: 1, Clock: fake.NewClock()})
	r, err := l.Reserve(1, 0)
	require.NoError(t, err)
	assert.Zero(t, r.Delay())
	r.Cancel()
	s := l.Snapshot()
	assert.EqualValues(t, 1, s.Admitted, "its token was due, so it stays taken")
	assert.Zero(t, s.Tokens)
}

func TestCancelReturnsTokensUntilTheyAreDue(t *testing.T) {
	for after, want := range map[time.Duration]int64{
		0: 1, time.Second - 1: 1, // the first one alone
		time.Second: 2, time.Second + 1: 2, time.Hour: 2,
	} {
		clk := fake.NewClock()
		l := ratelimit.NewLimiter(ratelimit.Config{Limit: 1, Burst: 1, Clock: clk})
		require.True(t, l.Allow(1))
		r, err := l.Reserve(1, -1)
		require.NoError(t, err)
		assert.Equal(t, time.Second, r.Delay())
		clk.Advance(after)
		assert.Equal(t, max(0, time.Second-after), r.Delay())
		r.Cancel()
		assert.Zero(t, r.Delay())
		assert.Equal(t, want, l.Snapshot().Admitted, "cancelled after %v", after)
	}
}

// More than 2^60 sixteenths of a nanosecond are not owed, whatever the rate is.
func TestAReservationIsDueWithinTheBoundsAtAMuchLowerRate(t *testing.T) {
	const most = time.Duration(1 << 60 / 16)
	for _, c := range []struct {
		tokens    int64
		per, want time.Duration
	}{
		{1 << 40, 3 << 18, most},                        // costs 1.5 x 2^63 sixteenths of a nanosecond
		{1 << 40, 1 << 20, most},                        // costs 2^64
		{int64(2*year) * 16, year, most},                // costs more than that
		{1 << 40, 1 << 16, most},                        // costs just the most
		{1<<40 - 1, 1 << 16, (1<<40 - 1) * (1 << 16)},   // costs less
		{1 << 20, time.Second, (1 << 20) * time.Second}, // likewise
	} {
		tokens := int(c.tokens)
		if int64(tokens) != c.tokens {
			continue // an int has 32 bits
		}
		clk := fake.NewClock()
		l := ratelimit.NewLimiter(ratelimit.Config{Limit: 16, Per: 1, Burst: tokens, Clock: clk})
		require.True(t, l.Allow(1))
		r, err := l.Reserve(tokens, -1)
		require.NoError(t, err)
		l.SetRate(1, c.per, 1)
		assert.Equal(t, c.want, r.Delay(), "%+v", c)
		r.Cancel()
		assert.Zero(t, r.Delay())
		refusedFor(t, wait(t, l), c.per)
	}
}

func TestAPauseIsAtMostAYear(t *testing.T) {
	clk := fake.NewClock()
	l := ratelimit.NewLimiter(ratelimit.Config{Limit: 1, Burst: 1, Clock: clk})
	l.Pause(1)
	assert.Equal(t, time.Duration(1), l.Snapshot().Paused)
	assert.False(t, l.Allow(1))
	assert.False(t, l.Idle())
	clk.Advance(1)
	assert.Zero(t, l.Snapshot().Paused)
	assert.True(t, l.Idle())
	assert.True(t, l.Allow(1), "a pause ends at its end")
	clk.Advance(time.Minute)
	for _, d := range []time.Duration{0, -1, -1<<59 - 1, math.MinInt64} {
		l.Pause(d)
		assert.Zero(t, l.Snapshot().Paused)
	}
	l.Pause(math.MaxInt64)
	paused := l.Snapshot().Paused
	assert.GreaterOrEqual(t, paused, year)
	assert.Less(t, paused, 2*year)
	l.Pause(time.Minute)
	assert.Equal(t, paused, l.Snapshot().Paused, "the pause that ends last wins")
	clk.Advance(paused - 1)
	assert.False(t, l.Allow(1))
	clk.Advance(1)
	assert.True(t, l.Allow(1))
}

// A token of the old rate costs 3 sixteenths of a nanosecond, one of the new rate 1.
func TestSetRateRoundsADebtUp(t *testing.T) {
	for taken := 11; taken <= 99; taken++ {
		clk := fake.NewClock()
		l := ratelimit.NewLimiter(ratelimit.Config{Limit: 16, Per: 3, Burst: 99, Clock: clk})
		require.True(t, l.Allow(taken))
		clk.Advance(2)
		l.SetRate(16, 1, 1)
		missing := 3*taken - 2*16
		ticks := (missing + 2) / 3
		refusedFor(t, wait(t, l), time.Duration((ticks+15)/16))
	}
}

// The numerator of the division is just below 2^64, and its rounding passes it.
func TestSetRateKeepsADebtOfOneTokenAtAnyRate(t *testing.T) {
	for _, cost := range []uint64{3 << 20, 5 << 30, 7e9 + 1} {
		clk := fake.NewClock()
		l := ratelimit.NewLimiter(ratelimit.Config{Limit: 16, Per: time.Duration(cost), Burst: 1, Clock: clk})
		require.True(t, l.Allow(1))
		slower := math.MaxUint64 / cost
		l.SetRate(16, time.Duration(slower), 1)
		refusedFor(t, wait(t, l), time.Duration((slower+15)/16))
		assert.Zero(t, l.Snapshot().Tokens)
	}
}

func TestADebtIsBoundedAtAMuchLowerRate(t *testing.T) {
	for _, cost := range []int64{1<<44 - 1, 1<<44 - 2} { // the remainder shows in the rounding
		want := time.Duration((1<<61 - 1 - cost + 15) / 16)
		for _, taken := range []int{1 << 21, 1 << 20, 1 << 19} { // 2^65, 2^64 and 2^63
			clk := fake.NewClock()
			l := ratelimit.NewLimiter(ratelimit.Config{Limit: 16, Per: 1, Burst: taken, Clock: clk})
			clk.Advance(time.Second)
			require.True(t, l.Allow(taken))
			l.SetRate(16, time.Duration(cost), 2)
			refusedFor(t, wait(t, l), want)

			l = ratelimit.NewLimiter(ratelimit.Config{Limit: 16, Per: 1, Burst: taken, Clock: clk})
			clk.Advance(time.Second)
			require.True(t, l.Allow(taken))
			first, err := l.Reserve(1, -1)
			require.NoError(t, err)
			second, err := l.Reserve(1, -1)
			require.NoError(t, err)
			l.SetRate(16, time.Duration(cost), 2)
			assert.Equal(t, want, first.Delay(), "%d tokens, each %d", taken, cost)
			assert.Equal(t, want, second.Delay(), "%d tokens, each %d", taken, cost)
			refusedFor(t, wait(t, l), want)
		}
	}
}
