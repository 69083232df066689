package bench_test

import (
	"context"
	"errors"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"golang.org/x/sync/singleflight"

	"github.com/ductile-go/ductile/coalesce"
	"github.com/ductile-go/ductile/fake"
	"github.com/ductile-go/ductile/pipeline"
	"github.com/ductile-go/ductile/policy"
)

type singleKey struct{}

// keyedFlights returns a coalesce of the calls with one key.
func keyedFlights() (*coalesce.Coalesce[string, T], context.Context) {
	c := coalesce.New[string, T](func(ctx context.Context) (string, bool) {
		k, ok := ctx.Value(singleKey{}).(string)
		return k, ok
	})
	return c, context.WithValue(context.Background(), singleKey{}, key)
}

// threeCall makes three calls at the same time, and returns how often their functions ran.
func threeCall(do func(fn func() (T, error)) error, fn func() (T, error)) (runs int64) {
	var n atomic.Int64
	var all sync.WaitGroup
	for range 3 {
		all.Go(func() {
			_ = do(func() (T, error) {
				n.Add(1)
				time.Sleep(time.Second)
				return fn()
			})
		})
	}
	all.Wait()
	return n.Load()
}

// key is the one of all calls here.
const key = "k"

var singleflightRows = map[string]func(*testing.T){
	"`g.Do(key, fn)`": bubble(func(t *testing.T) {
		var g singleflight.Group
		c, ctx := keyedFlights()
		fn := func() (T, error) { return 1, errBusy }
		their := threeCall(func(fn func() (T, error)) error {
			v, err, shared := boxedDo(&g, fn)
			assert.Equal(t, 1, v)
			assert.True(t, shared)
			assert.Equal(t, errBusy, err)
			return err
		}, fn)
		own := threeCall(func(fn func() (T, error)) error {
			v, err := ofKey(c, ctx, fn)
			assert.Equal(t, 1, v)
			assert.Equal(t, errBusy, err)
			return err
		}, fn)
		assert.EqualValues(t, 1, their)
		assert.EqualValues(t, 1, own)
	}),
	"`g.DoChan(key, fn)` and a `select` on `ctx.Done()`": bubble(func(t *testing.T) {
		var g singleflight.Group
		c, _ := keyedFlights()
		theirEnd, ownEnd := make(chan error, 1), make(chan error, 1)
		work := func(ctx context.Context, end chan error) (T, error) {
			select {
			case <-ctx.Done():
			case <-time.After(time.Minute):
			}
			end <- ctx.Err()
			return 0, nil
		}
		begun := time.Now()
		soon := func() context.Context {
			ctx, cancel := context.WithTimeout(context.Background(), time.Second)
			t.Cleanup(cancel)
			return ctx
		}
		ctx := soon()
		fn := func() (any, error) { return work(context.Background(), theirEnd) }
		select {
		case <-g.DoChan(key, fn):
			t.Error("the function took a minute")
		case <-ctx.Done():
		}
		_, err := c.Do(withKeyOnly(soon()), func(ctx context.Context) (T, error) { return work(ctx, ownEnd) })
		require.ErrorIs(t, err, context.DeadlineExceeded)
		require.ErrorIs(t, <-ownEnd, context.DeadlineExceeded, "its function ends with its last caller")
		assert.LessOrEqual(t, time.Since(begun), 2*time.Second)
		require.NoError(t, <-theirEnd)
		assert.Equal(t, time.Minute, time.Since(begun), "their function runs on")
	}),
	"`g.Do` with the first caller's context in `fn`": bubble(func(t *testing.T) {
		// The first caller leaves after a second; the second one would stay.
		stays := func(do func(ctx context.Context) error) (err error) {
			ctx, cancel := context.WithTimeout(context.Background(), time.Second)
			defer cancel()
			var all sync.WaitGroup
			all.Go(func() { _ = do(ctx) })
			synctest.Wait()
			err = do(context.Background())
			all.Wait()
			return err
		}
		work := func(ctx context.Context) (T, error) {
			select {
			case <-ctx.Done():
				return 0, ctx.Err()
			case <-time.After(time.Minute):
				return 1, nil
			}
		}
		var g singleflight.Group
		c, _ := keyedFlights()
		their := stays(func(ctx context.Context) error {
			_, err, _ := g.Do(key, func() (any, error) { return work(ctx) })
			return err
		})
		own := stays(func(ctx context.Context) error {
			_, err := c.Do(withKeyOnly(ctx), work)
			return err
		})
		require.ErrorIs(t, their, context.DeadlineExceeded)
		require.NoError(t, own)
	}),
	"`shared`": bubble(func(t *testing.T) {
		var g singleflight.Group
		c, ctx := keyedFlights()
		_, _, shared := g.Do(key, func() (any, error) { return 1, nil })
		assert.False(t, shared)
		threeCall(func(fn func() (T, error)) error {
			_, err := ofKey(c, ctx, fn)
			return err
		}, func() (T, error) { return 1, nil })
		assert.EqualValues(t, 2, c.Snapshot().Joined)
		rec := fake.NewRecorder()
		p := pipeline.New(c).WithObserver(rec.Observe, policy.Joined)
		threeCall(func(fn func() (T, error)) error {
			_, err := p.Do(ctx, func(context.Context) (T, error) { return fn() })
			return err
		}, func() (T, error) { return 1, nil })
		assert.Len(t, rec.Events(), 2)
	}),
	"`g.Forget(key)`": bubble(func(t *testing.T) {
		var g singleflight.Group
		c, ctx := keyedFlights()
		again := func(do func(fn func() (T, error)), forget func()) (runs int) {
			do(func() (T, error) {
				runs++
				forget()
				do(func() (T, error) { runs++; return 1, nil })
				return 1, nil
			})
			return runs
		}
		assert.Equal(t, 2, again(func(fn func() (T, error)) { _, _, _ = g.Do(key, func() (any, error) { return fn() }) }, func() { g.Forget(key) }))
		assert.Equal(t, 2, again(func(fn func() (T, error)) {
			_, _ = ofKey(c, ctx, fn)
		}, func() { c.Forget(key) }))
	}),
	"a panic of `fn`": bubble(func(t *testing.T) {
		var g singleflight.Group
		c, ctx := keyedFlights()
		raised := func(do func()) (r any) {
			defer func() { r = recover() }()
			do()
			return nil
		}
		their := raised(func() { _, _, _ = g.Do(key, func() (any, error) { panic(errBusy) }) })
		own := raised(func() { _, _ = c.Do(ctx, func(context.Context) (T, error) { panic(errBusy) }) })
		assert.NotEqual(t, errBusy, their)
		wrapped, ok := their.(error)
		require.True(t, ok)
		assert.True(t, errors.Is(wrapped, errBusy))
		assert.Equal(t, errBusy, own)
	}),
}

// withKeyOnly returns ctx with the key of all calls here.
func withKeyOnly(ctx context.Context) context.Context {
	return context.WithValue(ctx, singleKey{}, "k")
}

func boxedDo(g *singleflight.Group, value func() (T, error)) (T, error, bool) { //nolint:revive // as theirs
	fn := func() (any, error) { return value() }
	v, err, shared := g.Do(key, fn)
	return v.(T), err, shared
}

func ofKey(c *coalesce.Coalesce[string, T], ctx context.Context, value func() (T, error)) (T, error) { //nolint:revive // as theirs
	fn := func(context.Context) (T, error) { return value() }
	return c.Do(ctx, fn)
}
