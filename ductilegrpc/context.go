package ductilegrpc

import (
	"context"
	"strconv"
	"time"

	"google.golang.org/grpc/metadata"

	std "github.com/ductile-go/ductile/internal/ending"
	"github.com/ductile-go/ductile/policy"
)

// onRealTime returns ctx for gRPC, which measures deadlines in real time: one on a clock of
// the user's is translated, or a server would be told that it has passed.
func onRealTime(ctx context.Context, clock policy.Clock) context.Context {
	if clock == nil {
		return ctx
	}
	deadline, ok := ctx.Deadline()
	if ok {
		deadline = time.Now().Add(deadline.Sub(clock.Now()))
	}
	return &translated{Context: ctx, deadline: deadline, ok: ok}
}

type translated struct {
	context.Context
	deadline time.Time
	ok       bool
}

func (t *translated) Deadline() (time.Time, bool) { return t.deadline, t.ok }

// String returns the text of the context that is translated.
func (t *translated) String() string { return std.Text(t.Context) }

// numbered returns ctx with metadata that has the number of an attempt.
func numbered(ctx context.Context, header string, n int) context.Context {
	if header == "" || n < 2 {
		return ctx
	}
	md, ok := metadata.FromOutgoingContext(ctx) // a copy
	if !ok {
		md = metadata.MD{}
	}
	md.Set(header, strconv.Itoa(n))
	return metadata.NewOutgoingContext(ctx, md)
}

// rooted is a context that ends with one context and has the values of another.
type rooted struct {
	context.Context
	values context.Context
}

// Value lets package context find the context that it ends with, so that it attaches
// without a goroutine.
func (r rooted) Value(key any) any {
	if std.IsCauseKey(key) {
		return r.Context.Value(key)
	}
	return r.values.Value(key)
}
