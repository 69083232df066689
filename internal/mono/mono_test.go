package mono

import (
	"testing"
	"time"
	"unsafe"

	"github.com/stretchr/testify/assert"
)

func TestNowIsNeverZero(t *testing.T) {
	assert.Positive(t, Now())
	assert.LessOrEqual(t, Now(), Now())
}

// TestTheWallClockIsThatOfNow shifts the wall clock of the epoch by an hour, as if the
// machine's clock had been set back by as much since the process started.
func TestTheWallClockIsThatOfNow(t *testing.T) {
	was := epoch
	defer func() { epoch = was }()
	const second = 1 << 30 // in package time's word for wall seconds of a time that has a monotonic reading
	*(*uint64)(unsafe.Pointer(&epoch)) += 3600 * second
	assert.Equal(t, time.Hour, epoch.Round(0).Sub(was.Round(0)))
	assert.Zero(t, epoch.Sub(was), "the monotonic reading is as it was")

	at := Time(Now())
	assert.Less(t, at.Round(0).Sub(time.Now().Round(0)).Abs(), time.Hour/2, "the wall clock is not the epoch's")
	assert.Less(t, time.Since(at).Abs(), time.Hour/2)
}
