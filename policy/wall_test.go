package policy

import (
	"context"
	"testing"
	"time"
	"unsafe"

	"github.com/stretchr/testify/assert"

	"github.com/ductile-go/ductile/internal/mono"
)

// epoch is where the time of package mono begins.
//
//go:linkname epoch github.com/ductile-go/ductile/internal/mono.epoch
var epoch time.Time

// The wall clock of the epoch is shifted by an hour, as if the machine's clock had been set
// since the process started. The parent's deadline has no monotonic reading, as one that
// came over the network.
func TestALimitIsComparedByTheWallClockAsItIsSetNow(t *testing.T) {
	was := epoch
	defer func() { epoch = was }()
	const second = 1 << 30 // in the wall field of a time.Time with a monotonic reading
	*(*uint64)(unsafe.Pointer(&epoch)) += 3600 * second

	parent, cancel := context.WithDeadline(t.Context(), time.Now().Round(0).Add(time.Hour/2))
	defer cancel()
	passed := &lazyCtx{parent: parent, deadline: mono.Now() - 1, expiry: newExpiry(&TimeoutError{})}
	assert.Equal(t, context.DeadlineExceeded, passed.Err())
}
