package report

import (
	"math"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
)

func TestNumbersAreWrittenForPeople(t *testing.T) {
	for want, d := range map[string]time.Duration{
		"0 s": 0, "250 µs": 250 * time.Microsecond, "1.5 ms": 1500 * time.Microsecond, "92 ms": 92*time.Millisecond + 300*time.Microsecond,
		"1 s": 999800 * time.Microsecond, "4.2 s": 4200 * time.Millisecond, "45 s": 45 * time.Second, "90 s": 90 * time.Second,
		"3 min 20 s": 200 * time.Second, "2 min": 2 * time.Minute, "2 h": 2 * time.Hour, "30 h 5 min": 30*time.Hour + 5*time.Minute,
		"-4 s": -4 * time.Second, "-": -1 << 63, "-3 min 20 s": -200 * time.Second,
	} {
		assert.Equal(t, want, Span(d))
	}
	for want, v := range map[string]float64{"100 %": 1, "99.9 %": 0.99999, "0 %": 0, "0.1 %": 0.00001, "68.7 %": 0.687} {
		assert.Equal(t, want, Percent(v))
	}
	for want, n := range map[string]int64{"0": 0, "999": 999, "1,000": 1000, "-1,234,567": -1234567} {
		assert.Equal(t, want, Thousands(n))
	}
	assert.Equal(t, "0", Number(-0.001, 1))
	assert.Equal(t, "1 fault", Count(1, "fault"))
	assert.Equal(t, "", List(nil))
	assert.Equal(t, "-", Times(math.NaN()))
}
