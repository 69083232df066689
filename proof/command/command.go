// Package command runs programs that start other programs, as go test does, and ends all
// of them when the search that uses them ends.
package command

import (
	"context"
	"os/exec"
	"time"
)

// patience limits the wait for output after the program has been killed.
const patience = time.Second

// Context returns a command as exec.CommandContext does. When ctx ends, it kills the
// program and, on Unix, all programs that it has started.
func Context(ctx context.Context, name string, args ...string) *exec.Cmd {
	cmd := exec.CommandContext(ctx, name, args...) //nolint:gosec // the searches say what runs
	cmd.WaitDelay = patience
	together(cmd)
	return cmd
}
