package verdict_test

import (
	"context"
	"fmt"
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/ductile-go/ductile/internal/verdict"
)

func TestAContextThatIsOutlivedHasNoEnd(t *testing.T) {
	outer, cancel := context.WithCancel(t.Context())
	defer cancel()
	c := &verdict.Context{Context: outer}
	assert.Equal(t, outer.Done(), c.Done())
	c.Outlive()
	assert.Nil(t, c.Done())
}

func TestAContextIsPrintedWithoutALookAtItsFields(t *testing.T) {
	assert.Equal(t, "context.Background", fmt.Sprint(&verdict.Context{Context: context.Background()}))
}
