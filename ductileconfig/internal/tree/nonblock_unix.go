//go:build unix

package tree

import "syscall"

// nonblock makes opening a pipe return at once. A regular file ignores it.
const nonblock = syscall.O_NONBLOCK
