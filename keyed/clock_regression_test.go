package keyed_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"

	"github.com/ductile-go/ductile/fake"
	"github.com/ductile-go/ductile/keyed"
	"github.com/ductile-go/ductile/policy"
)

// shown is a clock that shows any time.
type shown struct {
	policy.Clock
	at time.Time
}

func (s *shown) Now() time.Time { return s.at }

// The times are 292 years and more apart, as on a clock that a test has not set yet.
func TestAMemberUsedAtTheZeroTimeIsDroppedWhenItIsUnused(t *testing.T) {
	clk := &shown{Clock: fake.NewClock(), at: time.Date(2000, 1, 1, 0, 0, 0, 0, time.UTC)}
	m := keyed.New(config{Make: makeThing, Clock: clk})
	clk.at = time.Time{}
	get(m, "a")
	clk.at = time.Date(2030, 1, 1, 0, 0, 0, 0, time.UTC)
	get(m, "b")
	assert.Equal(t, []string{"b"}, keysOf(m))
	clk.at = time.Date(9999, 1, 1, 0, 0, 0, 0, time.UTC)
	get(m, "c")
	assert.Equal(t, []string{"c"}, keysOf(m))
	clk.at = time.Date(2030, 1, 1, 0, 0, 0, 0, time.UTC)
	get(m, "d")
	clk.at = clk.at.Add(keyed.DefaultIdle)
	get(m, "e")
	assert.Equal(t, []string{"e"}, keysOf(m))
}
