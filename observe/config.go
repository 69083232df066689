package observe

import (
	"fmt"

	"github.com/ductile-go/ductile/internal/fault"
	"github.com/ductile-go/ductile/policy"
)

// Defaults of [Config].
const (
	DefaultMaxSeries     = 2000
	DefaultMaxOperations = 64
	DefaultMaxErrorTypes = 16
)

// Config configures [New]. The zero Config is the documented default.
type Config struct {
	// MaxSeries is the maximum number of series of one instrument, its overflow series not
	// counted. 0 means 2000.
	MaxSeries int
	// MaxOperations is the maximum number of names given to [WithOperation] that one
	// pipeline tells apart. Further names become "_OTHER". 0 means 64.
	MaxOperations int
	// MaxErrorTypes is the maximum number of values of error.type that one pipeline tells
	// apart. Further values become "_OTHER". 0 means 16.
	MaxErrorTypes int
	// MaxKeys is the maximum number of values of Event.Key that one pipeline tells apart,
	// in the label "key". Further keys become "_OTHER". 0 means that Event.Key is no label.
	MaxKeys int
	// ErrorType returns the value of error.type for an error. For "", and if it is nil, the
	// rule of [ErrorType] decides. It runs on the goroutine of each call that fails and must
	// be safe for concurrent use.
	ErrorType func(error) string `json:"-"`
	// Clock sets Snapshot.At; nil means real time.
	Clock policy.Clock `json:"-"`
}

// Validate returns nil if [New] accepts c. Otherwise it returns all faults, joined; each
// names the field, its value and what is allowed.
func (c Config) Validate() error {
	faults := fault.Of("observe: Config")
	bound := func(field string, n, usual int) {
		if n < 0 {
			faults.Add(field, n, fmt.Sprintf("0 for the default, %d, or more", usual))
		}
	}
	bound("MaxSeries", c.MaxSeries, DefaultMaxSeries)
	bound("MaxOperations", c.MaxOperations, DefaultMaxOperations)
	bound("MaxErrorTypes", c.MaxErrorTypes, DefaultMaxErrorTypes)
	if c.MaxKeys < 0 {
		faults.Add("MaxKeys", c.MaxKeys, "0 for no label, or more")
	}
	return faults.Err()
}

func (c Config) withDefaults() Config {
	if c.MaxSeries == 0 {
		c.MaxSeries = DefaultMaxSeries
	}
	if c.MaxOperations == 0 {
		c.MaxOperations = DefaultMaxOperations
	}
	if c.MaxErrorTypes == 0 {
		c.MaxErrorTypes = DefaultMaxErrorTypes
	}
	return c
}
