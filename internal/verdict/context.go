package verdict

import (
	"context"
	"sync/atomic"

	"github.com/ductile-go/ductile/internal/ending"
)

// Context is the context of a breaker whose verdict may come after its call has returned, from
// the end of a body or a stream. That may outlive the context, for example that of a timeout
// around the breaker, whose end the breaker would take for the verdict.
type Context struct {
	context.Context
	outlived atomic.Bool // derived contexts read it on other goroutines
}

// Outlive makes Done return nil from now on.
func (c *Context) Outlive() { c.outlived.Store(true) }

// Done returns the channel of the context around c, or nil after Outlive.
func (c *Context) Done() <-chan struct{} {
	if c.outlived.Load() {
		return nil
	}
	return c.Context.Done()
}

// String returns a text, so that a context is printed without a look at its fields.
func (c *Context) String() string { return ending.Text(c.Context) }
