//go:build unix

package ductileconfig

import (
	"os"
	"os/signal"
	"syscall"
)

// hangups returns a channel of the signals SIGHUP, if wanted, and what ends it.
func hangups(wanted bool) (<-chan os.Signal, func()) {
	if !wanted {
		return nil, func() {}
	}
	// A buffer of one: a signal that arrives during a reload leads to one more.
	signals := make(chan os.Signal, 1)
	signal.Notify(signals, syscall.SIGHUP)
	return signals, func() { signal.Stop(signals) }
}
