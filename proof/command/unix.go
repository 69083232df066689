//go:build unix

package command

import (
	"os/exec"
	"syscall"
)

// together puts the program and all that it starts into one process group, which is
// killed as a whole.
func together(cmd *exec.Cmd) {
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	cmd.Cancel = func() error { return syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL) }
}
