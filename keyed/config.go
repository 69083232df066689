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

// Idler is a value that knows whether it is needed.
type Idler interface {
	// Idle reports whether nothing would be lost if the value were dropped now and
	// made anew for the next caller. It is called by insertions of other keys, outside
	// of any lock of the map, possibly twice in a row, and must be quick and safe for
	// concurrent use.
	Idle() bool
}

// Config says what a [Map] makes and what its bounds are. Make is required; the
// other fields have defaults. The functions may use the map, with the exceptions
// that they name, and must be safe for concurrent use.
type Config[K comparable, V Idler] struct {
	// Make returns the value for a key. It is called once for each time that the key
	// becomes a member, however many goroutines ask for the key at once, outside of
	// any lock; those goroutines wait for it. If it panics, so does the Get that called
	// it, and the next Get of the key calls it again. It must not return nil, and must
	// not get the key that it is called for, nor wait for a goroutine that does: that
	// would wait for itself.
	Make func(K) V `json:"-"`
	// Max is how many members there may be. 0 means 1024.
	Max int
	// Idle is how long an idle member may be unused before it is dropped, even if
	// there are fewer than Max. 0 means 15 min.
	Idle time.Duration
	// Overflow makes the value that keys share which cannot become members, since Max
	// is reached and no member is idle. It is called once, when it is first needed; if
	// it panics, the next call that needs the value calls it again. Nil means Make of
	// the zero key.
	Overflow func() V `json:"-"`
	// OnDrop, if not nil, is called once for each member that was dropped or
	// forgotten, on the goroutine of the Get or Forget that did it, outside of any lock
	// and after the new member is in place. The value may still be in use by calls that
	// got it before. Calls of OnDrop are not ordered. If one panics, the others are
	// still made, and the panic goes on to the caller.
	OnDrop func(K, V) `json:"-"`
	// Clock measures Idle; nil means real time. See [Map] for when it is read.
	Clock policy.Clock `json:"-"`
}

// Validate returns nil for a config that [New] accepts. Otherwise it returns all
// faults, each with its field, the value and what is allowed.
func (c Config[K, V]) Validate() error {
	faults := fault.Of("keyed: Config")
	if c.Make == nil {
		faults.Add("Make", "nil", "a function that returns the value for a key")
	}
	addBounds(faults, c.Max, c.Idle)
	return faults.Err()
}

func validateBounds(limit int, idle time.Duration) error {
	faults := fault.Of("keyed: Config")
	addBounds(faults, limit, idle)
	return faults.Err()
}

func addBounds(faults *fault.List, limit int, idle time.Duration) {
	if limit < 0 {
		faults.Add("Max", limit, fmt.Sprintf("0 for the default, %d, or more", DefaultMax))
	}
	if idle < 0 {
		faults.Add("Idle", idle, fmt.Sprintf("0 for the default, %v, or more", DefaultIdle))
	}
}

// boundsOf returns the bounds that the config values mean.
func boundsOf(limit int, idle time.Duration) (int, time.Duration) {
	if limit == 0 {
		limit = DefaultMax
	}
	if idle == 0 {
		idle = DefaultIdle
	}
	return limit, idle
}
