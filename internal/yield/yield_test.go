package yield_test

import (
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/ductile-go/ductile/internal/yield"
)

func TestUntilSeesWhatAnotherGoroutineDoes(t *testing.T) {
	var done atomic.Bool
	go done.Store(true)
	assert.True(t, yield.Until(done.Load))
}

func TestTimesGivesUpAfterSoManyYields(t *testing.T) {
	asked := 0
	assert.False(t, yield.Times(10, func() bool { asked++; return false }))
	assert.Equal(t, 11, asked, "asked before each yield and once after the last")
}
