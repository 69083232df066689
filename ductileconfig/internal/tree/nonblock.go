//go:build !unix

package tree

// nonblock is nothing: there are no pipes among the files.
const nonblock = 0
