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

// Config sets how many calls a [Gate] admits at a time, and which calls may wait. Limit
// is required; without MaxQueue no call waits.
type Config struct {
	// Name is for events, errors and snapshots. It may be empty.
	Name string `json:"name,omitempty"`
	// Limit is the number of calls that may run at a time, from 1 to 2147483647.
	// [Gate.SetLimit] changes it.
	Limit int `json:"limit"`
	// MaxQueue is the number of calls that may wait for a place. 0 means none: a call that
	// finds no free place is refused.
	MaxQueue int `json:"max_queue,omitempty"`
	// MaxWait bounds how long a call waits. 0 means until its context ends. It needs
	// MaxQueue.
	MaxWait time.Duration `json:"max_wait,omitempty"`
	// Order sets which waiting call is served next. The default is FIFO. Calls of a higher
	// priority are always served before calls of a lower one. LIFO and Adaptive need
	// MaxQueue.
	Order Order `json:"order,omitzero"`
	// Delay bounds waits depending on how long the queue has not been empty. The zero
	// CoDel is off. It needs MaxQueue.
	Delay CoDel `json:"delay,omitzero"`
	// Priority returns the priority of a call that may have to wait. Nil means
	// [policy.PriorityOf]. It is called on the call's goroutine, outside any lock, and
	// must be safe for concurrent use. It is not called without MaxQueue.
	Priority func(ctx context.Context) policy.Priority `json:"-"`
	// Clock measures MaxWait and Delay, and calls wait on it. Nil means real time.
	Clock policy.Clock `json:"-"`
}

// Order selects which waiting call gets the next free place. The zero Order is FIFO.
type Order uint8

const (
	// FIFO serves the call that has waited longest.
	FIFO Order = iota
	// LIFO serves the call that arrived last. Under overload some calls are served quickly
	// and the rest are not served, whereas FIFO makes all calls late.
	LIFO
	// Adaptive is FIFO, but serves newcomers first while the gate is overloaded as [CoDel]
	// defines it. It needs Delay.
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

// MarshalText returns the text of String, for logs and JSON.
func (o Order) MarshalText() ([]byte, error) { return []byte(o.String()), nil }

// UnmarshalText accepts "fifo", "lifo" and "adaptive", and returns an error for any other
// text.
func (o *Order) UnmarshalText(text []byte) error {
	for i, name := range orders {
		if string(text) == name {
			*o = Order(i)
			return nil
		}
	}
	return fmt.Errorf("bulkhead: Order is %q, want fifo, lifo or adaptive", text)
}

// CoDel bounds waits depending on whether the queue is a short burst or a standing queue.
// It follows the controlled-delay discipline as used by Facebook (Maurer, "Fail at
// Scale", ACM Queue 13(8), 2015). The gate is overloaded if its queue was last empty more
// than Interval ago. A call that arrives at an overloaded gate may wait for Target, any
// other call for Interval. A shorter MaxWait bounds both. Facebook uses 5 ms and 100 ms.
// The zero CoDel is off.
type CoDel struct {
	Target   time.Duration `json:"target,omitempty"`   // more than 0, at most Interval
	Interval time.Duration `json:"interval,omitempty"` // more than 0
}

func (d CoDel) on() bool { return d != CoDel{} }

// Validate returns nil if [NewGate] accepts the config. Otherwise it returns all faults,
// each with the field, its value and the allowed values.
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
		faults.Add("MaxWait", c.MaxWait, "needs MaxQueue: without it no call waits")
	}
	c.validateOrder(faults)
	return faults.Err()
}

func (c Config) validateOrder(faults *fault.List) {
	switch {
	case c.Order > Adaptive:
		faults.Add("Order", c.Order, "FIFO, LIFO or Adaptive")
	case c.Order != FIFO && c.MaxQueue == 0:
		faults.Add("Order", c.Order, "needs MaxQueue: without it no call waits")
	case c.Order == Adaptive && !c.Delay.on():
		faults.Add("Delay", c.Delay, "a Target and an Interval with Order Adaptive, such as 5ms and 100ms")
	}
	if !c.Delay.on() {
		return
	}
	if c.MaxQueue == 0 {
		faults.Add("Delay", c.Delay, "needs MaxQueue: without it no call waits")
	}
	if c.Delay.Interval <= 0 {
		faults.Add("Delay.Interval", c.Delay.Interval, "more than 0")
	}
	if c.Delay.Target <= 0 || c.Delay.Interval > 0 && c.Delay.Target > c.Delay.Interval {
		faults.Add("Delay.Target", c.Delay.Target, "more than 0, and at most Delay.Interval")
	}
}
