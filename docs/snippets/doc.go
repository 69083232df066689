// Package snippets compiles and runs the code that the pages in docs/ show. It exports
// nothing: a test of package pipeline finds each snippet of a page in a Go file.
package snippets
