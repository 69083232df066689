package ending_test

import (
	"context"
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/ductile-go/ductile/internal/ending"
)

// attaching is a context with an AfterFunc method.
type attaching struct {
	context.Context
	attached int
}

func (a *attaching) AfterFunc(func()) func() bool {
	a.attached++
	return func() bool { return true }
}

func TestAfterFuncUsesTheMethodOfTheContext(t *testing.T) {
	a := &attaching{Context: t.Context()}
	assert.True(t, ending.AfterFunc(a, func() {})())
	assert.Equal(t, 1, a.attached)
	ctx, cancel := context.WithCancel(t.Context())
	called := make(chan struct{})
	ending.AfterFunc(ctx, func() { close(called) })
	cancel()
	<-called
}

func TestTheTextOfAContextHasNoFields(t *testing.T) {
	assert.Equal(t, "context.Background.WithCancel", ending.Text(ending.With(nil)))
	assert.Equal(t, "*ending_test.attaching", ending.Text(&attaching{Context: context.Background()}))
}
