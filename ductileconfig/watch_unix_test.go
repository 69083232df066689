//go:build unix

package ductileconfig_test

import (
	"syscall"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/ductile-go/ductile/ductileconfig"
)

func TestSIGHUPReloadsAtOnce(t *testing.T) {
	w := watch(t, newFile(t, declare(1)))
	w.stop()
	w.start(ductileconfig.WatchConfig{SIGHUP: true}, ductileconfig.File(w.path))
	w.news()

	hang := func() string {
		require.NoError(t, syscall.Kill(syscall.Getpid(), syscall.SIGHUP))
		return <-w.each
	}
	put(t, w.path, declare(2))
	assert.Equal(t, "circuits.a", hang())
	assert.Equal(t, 2, w.window())
	assert.Empty(t, hang(), "nothing has changed, but it was asked for")
	put(t, w.path, "")
	assert.Equal(t, "circuits.a", hang(), "the sender of the signal has written the file")
}
