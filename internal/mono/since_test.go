package mono_test

import (
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"

	"github.com/ductile-go/ductile/fake"
	"github.com/ductile-go/ductile/internal/mono"
)

func TestSinceMeasuresAClock(t *testing.T) {
	clk := fake.NewClock()
	clk.Advance(time.Hour)
	s := mono.Start(clk)
	assert.Zero(t, s.Now())
	clk.Advance(time.Minute)
	assert.EqualValues(t, time.Minute, s.Now())
	assert.Equal(t, clk.Now().Add(-time.Second), s.When(int64(time.Minute-time.Second)))
	assert.Same(t, clk, s.Clock())
}

func TestSinceMeasuresRealTimeWithoutAClock(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := mono.Start(nil)
		assert.Zero(t, s.Now())
		time.Sleep(time.Minute)
		assert.EqualValues(t, time.Minute, s.Now())
		assert.True(t, time.Now().Add(-time.Second).Equal(s.When(int64(time.Minute-time.Second))))
		assert.Nil(t, s.Clock())
	})
}

func TestWhenReturnsOneTimeForOneMoment(t *testing.T) {
	s := mono.Start(nil)
	at := s.Now()
	first := s.When(at)
	for range 1000 {
		assert.Zero(t, s.When(at).Sub(first))
	}
}
