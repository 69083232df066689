//go:build unix

package ductileconfig_test

import (
	"fmt"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/ductile-go/ductile/ductileconfig"
)

func TestAPipeInsteadOfAFileIsRefusedAtOnce(t *testing.T) {
	path := filepath.Join(t.TempDir(), "ductile.yaml")
	require.NoError(t, syscall.Mkfifo(path, 0o600))
	want := "is no regular file, want one: a pipe or a device could block"
	assert.Equal(t, []string{path + ": " + want}, refused(t, ductileconfig.File(path)))
	assert.Equal(t, []string{"/dev/zero: " + want}, refused(t, ductileconfig.File("/dev/zero")))
}

func TestAFileThatBecomesAPipeDoesNotStopWatch(t *testing.T) {
	w := watch(t, newFile(t, declare(1)))
	require.NoError(t, os.Remove(w.path))
	require.NoError(t, syscall.Mkfifo(w.path, 0o600))
	assert.Equal(t, []string{"FILE: is no regular file, want one: a pipe or a device could block"}, w.look())
	require.NoError(t, os.Remove(w.path))
	put(t, w.path, declare(2))
	assert.Equal(t, changed, w.look())
}

func TestALoopOfLinksIsRefused(t *testing.T) {
	path := filepath.Join(t.TempDir(), "ductile.yaml")
	require.NoError(t, os.Symlink(path, path))
	assert.Equal(t, []string{path + ": the file cannot be opened: too many levels of symbolic links"}, refused(t, ductileconfig.File(path)))
}

func TestAFileThatMayNotBeReadIsRefused(t *testing.T) {
	if os.Geteuid() == 0 {
		t.Skip("root may read everything")
	}
	path := newFile(t, declare(1))
	require.NoError(t, os.Chmod(path, 0))
	assert.Equal(t, []string{path + ": the file cannot be opened: permission denied"}, refused(t, ductileconfig.File(path)))
}

// A reader follows ..data to a directory that is removed before it opens the file in it.
func TestAFileThatKubernetesSwapsIsNeverAway(t *testing.T) {
	dir := t.TempDir()
	swap := func(n int) {
		version := func(n int) string { return fmt.Sprintf("..version-%d", n) }
		assert.NoError(t, os.Mkdir(filepath.Join(dir, version(n)), 0o700))
		assert.NoError(t, os.WriteFile(filepath.Join(dir, version(n), "ductile.yaml"), []byte(declare(1+n%9)), 0o600))
		assert.NoError(t, os.Symlink(version(n), filepath.Join(dir, "..data_tmp")))
		assert.NoError(t, os.Rename(filepath.Join(dir, "..data_tmp"), filepath.Join(dir, "..data")))
		assert.NoError(t, os.RemoveAll(filepath.Join(dir, version(n-1))))
	}
	swap(1)
	path := filepath.Join(dir, "ductile.yaml")
	require.NoError(t, os.Symlink(filepath.Join("..data", "ductile.yaml"), path))
	var done atomic.Bool
	var reading sync.WaitGroup
	looked := make(chan struct{}, 1)
	reading.Go(func() {
		defer close(looked)
		for !done.Load() {
			if _, err := ductileconfig.Load(ductileconfig.File(path)); !assert.NoError(t, err) {
				return
			}
			select {
			case looked <- struct{}{}:
			default:
			}
		}
	})
	for n := range 600 {
		if n%20 == 0 {
			<-looked // the reader reads meanwhile, also on a busy machine
		}
		swap(n + 2)
	}
	done.Store(true)
	reading.Wait()
}
