//go:build ductile_explore

package explore

import (
	"io"
	"log"
	"os"
	"testing"
)

// A thread that is abandoned panics where it stops. In a callback of a circuit, that panic is
// logged, and means nothing.
func TestMain(m *testing.M) {
	log.SetOutput(io.Discard)
	os.Exit(m.Run())
}
