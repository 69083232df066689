package ductilegrpc

import (
	"context"

	"google.golang.org/grpc/metadata"

	"github.com/ductile-go/ductile/policy"
)

// PriorityFromMetadata returns a function for [ServerConfig].Priority that reads a call's
// priority from the metadata key: "critical", "high", "normal", "low" or "sheddable", as the
// first value. Calls without one of these are Normal. Use it only behind something that sets
// or removes the key: a client that may choose its own priority chooses the highest.
func PriorityFromMetadata(key string) func(ctx context.Context, fullMethod string) policy.Priority {
	return func(ctx context.Context, _ string) policy.Priority {
		if values := metadata.ValueFromIncomingContext(ctx, key); len(values) > 0 {
			return priorities[values[0]]
		}
		return policy.Normal
	}
}

var priorities = map[string]policy.Priority{
	"critical": policy.Critical, "high": policy.High, "normal": policy.Normal, "low": policy.Low, "sheddable": policy.Sheddable,
}
