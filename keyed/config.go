package keyed

import (
	"fmt"
	"time"

	"github.com/ductile-go/ductile/internal/fault"
	"github.com/ductile-go/ductile/policy"
)

// Defaults of [Config].
const (
	DefaultMax  = 1024
	DefaultIdle = 15 * time.Minute
)

// Idler is a value that reports whether it may be dropped.
type Idler interface {
	// Idle returns true if nothing would be lost by dropping the value now and making
	// another one for the next caller. Insertions of other keys call it, without holding
	// a lock of the map and sometimes twice in a row. It must be fast and safe for
	// concurrent use.
	Idle() bool
}

// Config configures a [Map]. Make is required; the other fields have defaults. The
// functions must be safe for concurrent use. They may use the map, except as their
// comments say.
type Config[K comparable, V Idler] struct {
	// Make returns the value for a key. It is called once each time that the key becomes
	// a member, without holding a lock; other goroutines that get the same key wait for
	// it. If it panics, the Get that called it panics, and the next Get of the key calls
	// it again. It must not return nil. It must not get the key that it is called for, or
	// wait for a goroutine that does: that deadlocks.
	Make func(K) V `json:"-"`
	// Max is the maximum number of members. 0 means 1024.
	Max int
	// Idle is the time after which an unused member is dropped if it is idle, even below
	// Max. 0 means 15 min.
	Idle time.Duration
	// Overflow returns the value that new keys share while Max is reached and no member
	// is idle. It is called once, at the first use of that value. If it panics, the next
	// use calls it again. If nil, Make is called with the zero key. While it runs, the
	// function must not get a key that is not a member: without room for the key, that Get
	// waits for the overflow value, and deadlocks.
	Overflow func() V `json:"-"`
	// OnDrop, if not nil, is called once for each member that was dropped or forgotten.
	// It runs on the goroutine of that Get or Forget, without holding a lock, after the
	// new member has been added. Calls that got the value before may still use it. Calls
	// of OnDrop are in no order. If one panics, the others are still made, and the panic
	// continues in the caller.
	OnDrop func(K, V) `json:"-"`
	// Clock measures Idle; nil means real time. See [Map] for when it is read.
	Clock policy.Clock `json:"-"`
}

// Validate returns nil if [New] accepts c. Otherwise it returns all faults, joined; each
// names the field, its value and what is allowed.
func (c Config[K, V]) Validate() error {
	faults := fault.Of("keyed: Config")
	if c.Make == nil {
		faults.Add("Make", "nil", "a function that returns the value for a key")
	}
	if c.Max < 0 {
		faults.Add("Max", c.Max, fmt.Sprintf("0 for the default, %d, or more", DefaultMax))
	}
	if c.Idle < 0 {
		faults.Add("Idle", c.Idle, fmt.Sprintf("0 for the default, %v, or more", DefaultIdle))
	}
	return faults.Err()
}
