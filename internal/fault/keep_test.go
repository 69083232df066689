package fault_test

import (
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/ductile-go/ductile/internal/fault"
)

func TestAnotherNameOrClockIsAnError(t *testing.T) {
	clock := new(int)
	kept := fault.Kept{Name: "db", Clock: clock}
	assert.NoError(t, kept.Check("bulkhead: Config", "gate", "db", clock))
	assert.EqualError(t, kept.Check("bulkhead: Config", "gate", "cache", clock),
		`bulkhead: Config.Name is "cache", want "db": a gate keeps its name`)
	assert.EqualError(t, kept.Check("bulkhead: Config", "gate", "db", nil),
		`bulkhead: Config.Clock is <nil>, want the *int that gate "db" was made with: a gate keeps its clock`)
}
