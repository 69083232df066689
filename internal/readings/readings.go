// Package readings counts how often a policy under test reads its clock. A reading of the
// system's clock takes longer than a call through most policies, and a user's clock may take
// longer still.
package readings

import (
	"sync/atomic"
	"time"

	"github.com/ductile-go/ductile/fake"
)

// Clock is a fake clock that counts its readings.
type Clock struct {
	*fake.Clock
	n atomic.Int64
}

// NewClock returns a clock with the options of [fake.NewClock].
func NewClock(opts ...fake.Option) *Clock { return &Clock{Clock: fake.NewClock(opts...)} }

// Now counts a reading.
func (c *Clock) Now() time.Time {
	c.n.Add(1)
	return c.Clock.Now()
}

// Count returns how often the clock was read.
func (c *Clock) Count() int { return int(c.n.Load()) }

// Of returns how often f reads the clock.
func (c *Clock) Of(f func()) int {
	before := c.Count()
	f()
	return c.Count() - before
}
