package keyed_test

import (
	"context"
	"slices"
	"sync/atomic"

	"github.com/ductile-go/ductile/keyed"
	"github.com/ductile-go/ductile/policy"
)

// thing is a value whose Idle a test controls.
type thing struct {
	key    string
	active atomic.Bool
	asked  atomic.Int64 // calls of Idle
}

func (t *thing) Idle() bool {
	t.asked.Add(1)
	return !t.active.Load()
}

func idle() *thing { return new(thing) }

func busy() *thing {
	t := new(thing)
	t.active.Store(true)
	return t
}

func makeThing(k string) *thing { return &thing{key: k} }

type ctxKey struct{}

func withKey(ctx context.Context, k string) context.Context {
	return context.WithValue(ctx, ctxKey{}, k)
}

func keyOf(ctx context.Context) (string, bool) {
	k, ok := ctx.Value(ctxKey{}).(string)
	return k, ok
}

type pass struct{}

func (pass) Execute(ctx context.Context, next policy.Call[int]) (int, error) { return next.Do(ctx) }

func passThrough(*thing) policy.Policy[int] { return pass{} }

// keysOf returns the members' keys, sorted.
func keysOf[V keyed.Idler](m *keyed.Map[string, V]) []string {
	var keys []string
	for k := range m.All() {
		keys = append(keys, k)
	}
	slices.Sort(keys)
	return keys
}
