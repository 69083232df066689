package breaker

import (
	"testing"
	"unsafe"

	"github.com/stretchr/testify/assert"

	"github.com/ductile-go/ductile/internal/window"
)

// Clients may have a circuit for each of a hundred thousand hosts. The sizes are those of
// 64-bit machines; on others they are less.
func TestAnIdleCircuitIsSmall(t *testing.T) {
	assert.LessOrEqual(t, unsafe.Sizeof(Circuit{}), uintptr(224))
	inRow := testing.AllocsPerRun(100, func() { NewCircuit(Config{Name: "idle"}) })
	assert.Equal(t, 1.0, inRow, "the circuit and its first generation are one object")

	window := unsafe.Sizeof(Circuit{}) + unsafe.Sizeof(coldRules{}) + unsafe.Sizeof(timeWindow{}) + window.Buckets*unsafe.Sizeof(window.Bucket[bucket]{})
	assert.LessOrEqual(t, window, uintptr(2048))
}
