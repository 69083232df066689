package ductileconfig_test

import (
	"bytes"
	"context"
	"log"
	"runtime"
	"sync"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/ductile-go/ductile/breaker"
	"github.com/ductile-go/ductile/ductileconfig"
	"github.com/ductile-go/ductile/registry"
)

// logged returns what package log writes until the end of the test.
func logged(t *testing.T) *bytes.Buffer {
	var out bytes.Buffer
	was := log.Writer()
	log.SetOutput(&out)
	t.Cleanup(func() { log.SetOutput(was) })
	return &out
}

func TestAnOnReloadThatDoesNotReturnEndsNeitherTheProcessNorTheWatch(t *testing.T) {
	for want, end := range map[string]func(){
		"WatchConfig.OnReload panicked: user":          func() { panic("user") },
		"WatchConfig.OnReload called runtime.Goexit\n": runtime.Goexit,
	} {
		out := logged(t)
		w := watch(t, newFile(t, declare(1)))
		w.stop()
		ctx, cancel := context.WithCancel(t.Context())
		ended, told := make(chan error, 1), 0
		cfg := ductileconfig.WatchConfig{Clock: w.clk, OnReload: func(registry.Changes, error) {
			told++
			end()
		}}
		go func() { ended <- ductileconfig.Watch(ctx, w.r, cfg, ductileconfig.File(w.path)) }()
		w.settled()
		for seconds := 2; seconds < 5; seconds++ {
			put(t, w.path, declare(seconds))
			w.look()
			assert.Equal(t, seconds, w.window(), want)
			put(t, w.path, "a: [")
			w.look()
		}
		cancel()
		require.NoError(t, <-ended)
		assert.Equal(t, 6, told, want)
		assert.Contains(t, out.String(), want)
	}
}

// The functions of Circuit.Watch and Registry.Watch run inside of a reload.
func TestAFunctionThatAReloadCallsMayEndItsGoroutine(t *testing.T) {
	out := logged(t)
	w := watch(t, newFile(t, declare(1)))
	c, err := w.r.Circuit("a")
	require.NoError(t, err)
	c.Watch(func(breaker.Transition) { runtime.Goexit() })
	w.r.Watch(func(registry.Changes) { runtime.Goexit() })
	for seconds := 2; seconds < 5; seconds++ {
		put(t, w.path, declare(seconds))
		assert.Len(t, w.look(), 1)
		assert.Equal(t, seconds, w.window())
	}
	assert.Contains(t, out.String(), "a function that a reload called called runtime.Goexit")
}

func TestWatchWithoutARegistrySaysWhatToDo(t *testing.T) {
	assert.PanicsWithValue(t, "ductileconfig: Watch: registry: Registry is nil, want one made by New", func() {
		_ = ductileconfig.Watch(t.Context(), nil, ductileconfig.WatchConfig{})
	})
	assert.PanicsWithValue(t, "ductileconfig: Watch: registry: zero Registry, want one made by New", func() {
		_ = ductileconfig.Watch(t.Context(), new(registry.Registry), ductileconfig.WatchConfig{})
	})
}

// Several programs watch one file, and one program several times.
func TestTwoWatchesOfOneRegistryTakeTurns(t *testing.T) {
	w := watch(t, newFile(t, declare(1)))
	ctx, cancel := context.WithCancel(t.Context())
	var second sync.WaitGroup
	second.Go(func() {
		assert.NoError(t, ductileconfig.Watch(ctx, w.r, ductileconfig.WatchConfig{Clock: w.clk}, ductileconfig.File(w.path)))
	})
	require.NoError(t, w.clk.BlockUntil(t.Context(), 2))
	for seconds := 2; seconds < 5; seconds++ {
		put(t, w.path, declare(seconds))
		w.clk.Advance(ductileconfig.DefaultEvery)
		require.NoError(t, w.clk.BlockUntil(t.Context(), 2))
		assert.Equal(t, seconds, w.window())
	}
	cancel()
	second.Wait()
}
