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

// The wall clock of the epoch is shifted by an hour, as if the machine's clock had been
// set since the process started.
func TestTimeUsesTheCurrentWallClock(t *testing.T) {
	was := epoch
	defer func() { epoch = was }()
	const second = 1 << 30 // in the wall field of a time.Time with a monotonic reading
	*(*uint64)(unsafe.Pointer(&epoch)) += 3600 * second
	assert.Equal(t, time.Hour, epoch.Round(0).Sub(was.Round(0)))
	assert.Zero(t, epoch.Sub(was), "the monotonic reading is as it was")

	at := Time(Now())
	assert.Less(t, at.Round(0).Sub(time.Now().Round(0)).Abs(), time.Hour/2, "the wall clock is not the epoch's")
	assert.Less(t, time.Since(at).Abs(), time.Hour/2)
}
