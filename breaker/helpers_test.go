package breaker_test

import (
	"io"
	"log"
	"testing"
)

// quiet keeps the log out of the test's output.
func quiet(t *testing.T) {
	was := log.Writer()
	log.SetOutput(io.Discard)
	t.Cleanup(func() { log.SetOutput(was) })
}
