package observe

import (
	"context"

	atomic "github.com/ductile-go/ductile/internal/atomicx"
)

type operationKey struct{}

// operations is set by the first WithOperation, so that programs that use none do not look for
// one in the context of each call.
var operations atomic.Bool

// WithOperation returns a context that gives calls under it the name of an operation, such
// as "GET /users/{id}". A [Stats] shows it in the label operation of the series of
// ductile.call.duration. Names should be few; Config.MaxOperations bounds them. An empty
// name removes the name.
func WithOperation(ctx context.Context, name string) context.Context {
	operations.Store(true)
	return context.WithValue(ctx, operationKey{}, name)
}

// Operation returns the name given to WithOperation, or "".
func Operation(ctx context.Context) string {
	if !operations.Load() {
		return ""
	}
	name, _ := ctx.Value(operationKey{}).(string)
	return name
}
