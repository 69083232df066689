// Package command runs programs that start programs of their own, as go test
// does, so that none of them outlives the search that wanted it.
package command

import (
	"context"
	"os/exec"
	"time"
)

// patience is how long output is waited for when the program has been ended.
const patience = time.Second

// Context returns a command as exec.CommandContext does. When ctx ends, so do the
// program and all that it has started, as far as the system can tell which.
func Context(ctx context.Context, name string, args ...string) *exec.Cmd {
	cmd := exec.CommandContext(ctx, name, args...) //nolint:gosec // the searches say what runs
	cmd.WaitDelay = patience
	together(cmd)
	return cmd
}
