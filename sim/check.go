package sim

import (
	"errors"
	"fmt"
)

// Check returns nil if every expectation was met, and otherwise one error for each that was
// not, joined, such as "sim: as_configured: want amplification <= 1.2, during; got 1.31".
// In a test it is the assertion:
//
//	require.NoError(t, report.Check())
func (r *Report) Check() error {
	var failed []error
	for _, c := range r.Checks {
		if c.OK {
			continue
		}
		variant := ""
		if c.Variant != "" {
			variant = c.Variant + ": "
		}
		failed = append(failed, fmt.Errorf("sim: %swant %s; got %s", variant, c.Expected, c.Got))
	}
	return errors.Join(failed...)
}
