package ductileconfig_test

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/ductile-go/ductile/ductileconfig"
	"github.com/ductile-go/ductile/fake"
	"github.com/ductile-go/ductile/registry"
)

// watched is a registry that a file declares, while Watch runs on a fake clock.
type watched struct {
	t    *testing.T
	path string
	clk  *fake.Clock
	r    *registry.Registry
	stop func()

	mu   sync.Mutex
	told []string
	each chan string // what is told, for tests that wait for it
}

// watch starts Watch on a file that declares circuit a with a window of 1 s.
func watch(t *testing.T, path string) *watched {
	t.Helper()
	w := &watched{t: t, path: path, clk: fake.NewClock(), each: make(chan string, 100)}
	sources := []ductileconfig.Source{ductileconfig.File(path), ductileconfig.Map(nil)}
	spec, err := ductileconfig.Load(sources...)
	require.NoError(t, err)
	w.r, err = registry.New(spec, registry.WithClock(w.clk))
	require.NoError(t, err)
	w.start(ductileconfig.WatchConfig{}, sources...)
	return w
}

func (w *watched) start(cfg ductileconfig.WatchConfig, sources ...ductileconfig.Source) {
	ctx, cancel := context.WithCancel(w.t.Context())
	cfg.Clock, cfg.OnReload = w.clk, w.tell
	ended := make(chan error, 1)
	go func() { ended <- ductileconfig.Watch(ctx, w.r, cfg, sources...) }()
	w.stop = sync.OnceFunc(func() {
		cancel()
		assert.NoError(w.t, <-ended)
		assert.Zero(w.t, w.clk.Waiters(), "Watch leaves no timer behind")
	})
	w.t.Cleanup(w.stop)
	w.settled()
}

func (w *watched) tell(changes registry.Changes, err error) {
	text := strings.Join(slices.Concat(changes.Added, changes.Changed, changes.Removed), " ")
	if err != nil {
		text, _, _ = strings.Cut(strings.ReplaceAll(err.Error(), w.path, "FILE"), "\n")
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	w.told = append(w.told, text)
	select {
	case w.each <- text:
	default:
	}
}

// settled waits until Watch waits for its next look.
func (w *watched) settled() {
	w.t.Helper()
	require.NoError(w.t, w.clk.BlockUntil(w.t.Context(), 1))
}

// look makes Watch look, and returns what it told.
func (w *watched) look() []string {
	w.t.Helper()
	w.clk.Advance(ductileconfig.DefaultEvery)
	w.settled()
	return w.news()
}

func (w *watched) news() []string {
	w.mu.Lock()
	defer w.mu.Unlock()
	told := w.told
	w.told = nil
	return told
}

// window returns the window of circuit a in seconds.
func (w *watched) window() int {
	w.t.Helper()
	c, err := w.r.Circuit("a")
	require.NoError(w.t, err)
	return int(c.Config().Window / time.Second)
}

// declare returns a file in which circuit a has a window of so many seconds.
func declare(seconds int) string { return fmt.Sprintf("circuits: {a: {window: %ds}}\n", seconds) }

func put(t *testing.T, path, text string) {
	t.Helper()
	require.NoError(t, os.WriteFile(path, []byte(text), 0o600))
}

// newFile returns the path of a file in a directory of its own.
func newFile(t *testing.T, text string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "ductile.yaml")
	put(t, path, text)
	return path
}

var changed = []string{"circuits.a"}

func TestAFileWrittenInPlaceIsReloaded(t *testing.T) {
	w := watch(t, newFile(t, declare(1)))
	assert.Empty(t, w.look(), "nothing has changed")
	put(t, w.path, declare(2))
	assert.Equal(t, changed, w.look())
	assert.Equal(t, 2, w.window())
	assert.Empty(t, w.look(), "told once")
}

func TestAFileRenamedOverAnotherIsReloaded(t *testing.T) {
	w := watch(t, newFile(t, declare(1)))
	put(t, w.path+".new", declare(2))
	require.NoError(t, os.Rename(w.path+".new", w.path))
	assert.Equal(t, changed, w.look())
	assert.Equal(t, 2, w.window())
}

// Kubernetes mounts a ConfigMap as links to ..data, itself a link to a directory with a
// time in its name, and replaces the link ..data.
func TestTheSwapOfADirectoryByKubernetesIsReloaded(t *testing.T) {
	dir := t.TempDir()
	version := func(name string, seconds int) {
		require.NoError(t, os.Mkdir(filepath.Join(dir, name), 0o700))
		put(t, filepath.Join(dir, name, "ductile.yaml"), declare(seconds))
		require.NoError(t, os.Symlink(name, filepath.Join(dir, "..data_tmp")))
		require.NoError(t, os.Rename(filepath.Join(dir, "..data_tmp"), filepath.Join(dir, "..data")))
	}
	version("..2026_11_28_01", 1)
	path := filepath.Join(dir, "ductile.yaml")
	require.NoError(t, os.Symlink(filepath.Join("..data", "ductile.yaml"), path))

	w := watch(t, path)
	for seconds := 2; seconds < 5; seconds++ {
		version(fmt.Sprintf("..2026_11_28_0%d", seconds), seconds)
		require.NoError(t, os.RemoveAll(filepath.Join(dir, fmt.Sprintf("..2026_11_28_0%d", seconds-1))))
		assert.Equal(t, changed, w.look())
		assert.Equal(t, seconds, w.window())
		assert.Empty(t, w.look())
	}
}

func TestAFileThatIsDeletedAndCreatedAgainIsReloaded(t *testing.T) {
	w := watch(t, newFile(t, declare(1)))
	require.NoError(t, os.Remove(w.path))
	assert.Equal(t, []string{"FILE: the file does not exist"}, firstOf(w.look(), ";"))
	assert.Empty(t, w.look(), "a file that is away is one fault")
	assert.Equal(t, 1, w.window(), "nothing is removed")
	put(t, w.path, declare(1))
	assert.Equal(t, []string{""}, w.look(), "it is back, though nothing has changed")
	put(t, w.path, declare(2))
	assert.Equal(t, changed, w.look())
}

// firstOf cuts texts at a separator.
func firstOf(texts []string, separator string) []string {
	for i, text := range texts {
		texts[i], _, _ = strings.Cut(text, separator)
	}
	return texts
}

func TestAFileThatIsHalfWrittenChangesNothing(t *testing.T) {
	w := watch(t, newFile(t, declare(1)))
	whole := declare(2)
	put(t, w.path, whole[:len(whole)-4])
	assert.Equal(t, []string{"FILE:1: not valid YAML: did not find expected ',' or '}'"}, w.look())
	assert.Equal(t, 1, w.window())
	put(t, w.path, whole)
	assert.Equal(t, changed, w.look())
	assert.Equal(t, 2, w.window())
}

func TestAFileThatIsEmptyForAMomentRemovesNothing(t *testing.T) {
	w := watch(t, newFile(t, declare(1)))
	for range 3 {
		put(t, w.path, "")
		assert.Empty(t, w.look(), "it may be being written")
		put(t, w.path, declare(1))
		assert.Empty(t, w.look(), "it was")
	}
	put(t, w.path, "")
	assert.Empty(t, w.look())
	assert.Equal(t, []string{"circuits.a"}, w.look(), "it is empty, so the circuit is removed")
	_, err := w.r.Circuit("a")
	require.Error(t, err)
	put(t, w.path, declare(2))
	assert.Equal(t, []string{"circuits.a"}, w.look())
}

func TestAContentOfTheSameSizeAndTimeIsReloaded(t *testing.T) {
	w := watch(t, newFile(t, declare(1)))
	info, err := os.Stat(w.path)
	require.NoError(t, err)
	put(t, w.path, declare(2))
	require.NoError(t, os.Chtimes(w.path, info.ModTime(), info.ModTime()))
	assert.Equal(t, changed, w.look())
}

func TestABadFileIsToldOnceAndTheNextGoodOneIsTaken(t *testing.T) {
	w := watch(t, newFile(t, declare(1)))
	put(t, w.path, "circuits: {a: {window: 2s, failure_rate: 7}}\n")
	assert.Equal(t, []string{"FILE:1:42: circuits.a.failure_rate is 7, want 0 to 1 (or 0% to 100%)"}, w.look())
	require.NotEmpty(t, w.r.Snapshot().Failed)
	assert.Empty(t, w.look())
	put(t, w.path, "circuits: {a: {window: 2s, failure_rate: 8}}\n")
	assert.Equal(t, []string{"FILE:1:42: circuits.a.failure_rate is 8, want 0 to 1 (or 0% to 100%)"}, w.look())
	assert.Equal(t, 1, w.window())
	put(t, w.path, declare(1))
	assert.Equal(t, []string{""}, w.look(), "good again, though as before")
	require.Empty(t, w.r.Snapshot().Failed)
	put(t, w.path, declare(2))
	assert.Equal(t, changed, w.look())
}

func TestWhatTheRegistryRefusesIsToldWithItsPlace(t *testing.T) {
	w := watch(t, newFile(t, declare(1)))
	put(t, w.path, declare(2)+"pipelines:\n  p:\n    retry: {retry_if: transient}\n")
	assert.Equal(t, []string{"FILE:4:23: pipelines.p.retry.retry_if is transient, want a function of Funcs.RetryIf"}, w.look())
	require.Contains(t, w.r.Snapshot().Failed, ":4:23: ")
	assert.Equal(t, 1, w.window(), "all or nothing")
}

func TestAChangeBetweenLoadAndWatchIsNotLost(t *testing.T) {
	w := watch(t, newFile(t, declare(1)))
	w.stop()
	put(t, w.path, declare(2))
	w.start(ductileconfig.WatchConfig{}, ductileconfig.File(w.path))
	assert.Equal(t, changed, w.news())
	assert.Equal(t, 2, w.window())
	w.stop()
	put(t, w.path, "a: [")
	w.start(ductileconfig.WatchConfig{}, ductileconfig.File(w.path))
	assert.Equal(t, []string{"FILE:1: not valid YAML: did not find expected node content"}, w.news())
	assert.Empty(t, w.look())
}

func TestOnReloadMayUseTheRegistry(t *testing.T) {
	w := watch(t, newFile(t, declare(1)))
	w.stop()
	var saw time.Duration
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	cfg := ductileconfig.WatchConfig{Every: time.Second, Clock: w.clk, OnReload: func(registry.Changes, error) {
		c, _ := w.r.Circuit("a")
		saw = c.Config().Window
		_, _ = w.r.Apply(registry.Spec{})
		cancel()
	}}
	put(t, w.path, declare(2))
	go func() { ended <- ductileconfig.Watch(ctx, w.r, cfg, ductileconfig.File(w.path)) }()
	require.NoError(t, <-ended)
	assert.Equal(t, 2*time.Second, saw)
}

func TestWatchWithoutOnReloadApplies(t *testing.T) {
	w := watch(t, newFile(t, declare(1)))
	w.stop()
	put(t, w.path, declare(2))
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() {
		ended <- ductileconfig.Watch(ctx, w.r, ductileconfig.WatchConfig{Clock: w.clk}, ductileconfig.File(w.path))
	}()
	w.settled()
	assert.Equal(t, 2, w.window())
	cancel()
	require.NoError(t, <-ended)
}

func TestWatchRefusesANegativeInterval(t *testing.T) {
	err := ductileconfig.Watch(t.Context(), nil, ductileconfig.WatchConfig{Every: -1})
	require.EqualError(t, err, "ductileconfig: WatchConfig.Every is -1ns, want 0 for the default, 5s, or more")
}
