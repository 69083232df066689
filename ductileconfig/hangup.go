//go:build !unix

package ductileconfig

import "os"

// hangups returns a channel that never sends: there is no such signal.
func hangups(bool) (<-chan os.Signal, func()) { return nil, func() {} }
