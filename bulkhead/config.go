package bulkhead

import (
	"context"
	"fmt"
	"math"
	"time"

	"github.com/ductile-go/ductile/internal/fault"
	"github.com/ductile-go/ductile/policy"
)

// maxLimit is the largest Limit and MaxQueue.
const maxLimit = math.MaxInt32

// Config says how many calls a [Gate] admits at a time, and who may wait. Limit is
// required; without MaxQueue no call waits.
type Config struct {
	// Name is for events, errors and snapshots. It may be empty.
	Name string `json:"name,omitempty"`
	// Limit is how many calls may run at a time, from 1 to 2147483647. See
	// [Gate.SetLimit].
	Limit int `json:"limit"`
	// MaxQueue is how many calls may wait for a place. 0 means none: a call that finds
	// every place taken is refused.
	MaxQueue int `json:"max_queue,omitempty"`
	// MaxWait is how long a call waits at most. 0 means as long as its context lives. It
	// needs MaxQueue.
	MaxWait time.Duration `json:"max_wait,omitempty"`
	// Order says which of the calls that wait is next. The default is FIFO. Calls of a
	// higher priority are always before those of a lower one. The others need MaxQueue.
	Order Order `json:"order,omitzero"`
	// Delay bounds waits by how long the queue has been standing. The zero CoDel is off.
	// It needs MaxQueue.
	Delay CoDel `json:"delay,omitzero"`
	// Priority returns the priority of a call that may have to wait. Nil means
	// [policy.PriorityOf]. It is called on the goroutine of the call, outside of any lock,
	// and must be safe for concurrent use. It is not used without MaxQueue.
	Priority func(ctx context.Context) policy.Priority `json:"-"`
	// Clock measures MaxWait and Delay, and knows who waits. Nil means real time.
	Clock policy.Clock `json:"-"`
}

// Order says which of the calls that wait gets the next free place. The zero Order is
// FIFO.
type Order uint8

const (
	// FIFO serves the call that has waited longest.
	FIFO Order = iota
	// LIFO serves the call that came last. Under overload some calls are served at once
	// and the others not at all, where FIFO makes all of them late.
	LIFO
	// Adaptive is FIFO until the gate is overloaded, as [CoDel] defines it, and then
	// serves newcomers first. It needs Delay.
	Adaptive
)

var orders = [...]string{FIFO: "fifo", LIFO: "lifo", Adaptive: "adaptive"}

// String returns "fifo", "lifo" or "adaptive".
func (o Order) String() string {
	if int(o) < len(orders) {
		return orders[o]
	}
	return fmt.Sprintf("order(%d)", uint8(o))
}

// MarshalText returns what String does, for logs and JSON.
func (o Order) MarshalText() ([]byte, error) { return []byte(o.String()), nil }

// UnmarshalText accepts the texts that MarshalText returns for the three orders, and
// returns an error for any other.
func (o *Order) UnmarshalText(text []byte) error {
	for i, name := range orders {
		if string(text) == name {
			*o = Order(i)
			return nil
		}
	}
	return fmt.Errorf("bulkhead: Order is %q, want fifo, lifo or adaptive", text)
}

// CoDel bounds how long calls wait by whether the queue is a burst or is there to stay,
// after the controlled-delay discipline as Facebook uses it (Maurer, "Fail at Scale",
// ACM Queue 13(8), 2015). The gate is overloaded if its queue was last empty more than
// Interval ago. A call that comes to an overloaded gate may wait for Target; any other
// for Interval. MaxWait, if it is shorter, bounds both. Facebook's values are 5 ms and
// 100 ms. The zero CoDel is off.
type CoDel struct {
	Target   time.Duration `json:"target,omitempty"`   // more than 0, at most Interval
	Interval time.Duration `json:"interval,omitempty"` // more than 0
}

func (d CoDel) on() bool { return d != CoDel{} }

// Validate returns nil for a config that [NewGate] accepts. Otherwise it returns all
// faults, each with its field, the value and what is allowed.
func (c Config) Validate() error {
	faults := fault.Of("bulkhead: Config")
	if c.Limit < 1 || c.Limit > maxLimit {
		faults.Add("Limit", c.Limit, fmt.Sprintf("1 to %d", maxLimit))
	}
	if c.MaxQueue < 0 || c.MaxQueue > maxLimit {
		faults.Add("MaxQueue", c.MaxQueue, fmt.Sprintf("0 to %d", maxLimit))
	}
	switch {
	case c.MaxWait < 0:
		faults.Add("MaxWait", c.MaxWait, "0 or more")
	case c.MaxWait > 0 && c.MaxQueue == 0:
		faults.Add("MaxWait", c.MaxWait, "0 without MaxQueue: no call waits")
	}
	c.validateOrder(faults)
	return faults.Err()
}

func (c Config) validateOrder(faults *fault.List) {
	switch {
	case c.Order > Adaptive:
		faults.Add("Order", c.Order, "FIFO, LIFO or Adaptive")
	case c.Order != FIFO && c.MaxQueue == 0:
		faults.Add("Order", c.Order, "FIFO without MaxQueue: no call waits")
	case c.Order == Adaptive && !c.Delay.on():
		faults.Add("Delay", c.Delay, "a Target and an Interval with Order Adaptive, such as 5ms and 100ms")
	}
	if !c.Delay.on() {
		return
	}
	if c.MaxQueue == 0 {
		faults.Add("Delay", c.Delay, "the zero CoDel without MaxQueue: no call waits")
	}
	if c.Delay.Interval <= 0 {
		faults.Add("Delay.Interval", c.Delay.Interval, "more than 0")
	}
	if c.Delay.Target <= 0 || c.Delay.Interval > 0 && c.Delay.Target > c.Delay.Interval {
		faults.Add("Delay.Target", c.Delay.Target, "more than 0, and at most Delay.Interval")
	}
}
