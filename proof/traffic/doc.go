// Package traffic counts the writes of a call to memory that other calls use as well. Its
// test needs the build tag ductile_explore, with which the library reports its atomic
// operations.
package traffic
