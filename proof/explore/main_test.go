//go:build ductile_explore

package explore

import (
	"io"
	"log"
	"os"
	"testing"
)

// A thread that is given up panics where it stops. In a callback of a circuit that panic
// is logged, and says nothing.
func TestMain(m *testing.M) {
	log.SetOutput(io.Discard)
	os.Exit(m.Run())
}
