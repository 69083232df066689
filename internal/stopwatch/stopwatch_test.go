package stopwatch_test

import (
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"

	"github.com/ductile-go/ductile/internal/stopwatch"
)

// setting is a clock that is set by hand.
type setting struct{ now time.Time }

func (s *setting) Now() time.Time { return s.now }

func TestElapsedIsTheTimeOnTheClock(t *testing.T) {
	clk := &setting{time.Unix(1000, 0)}
	w := stopwatch.New(clk)
	clk.now = clk.now.Add(time.Minute)
	assert.Equal(t, time.Minute, w.Elapsed())
}

func TestElapsedIsZeroOnAClockThatIsSetBack(t *testing.T) {
	clk := &setting{time.Unix(1000, 0)}
	w := stopwatch.New(clk)
	clk.now = time.Unix(1, 0)
	assert.Zero(t, w.Elapsed())
}

func TestElapsedIsRealTimeWithoutAClock(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := stopwatch.New(nil)
		time.Sleep(time.Hour)
		assert.Equal(t, time.Hour, w.Elapsed())
	})
}
