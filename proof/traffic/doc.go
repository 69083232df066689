// Package traffic counts what a call writes to memory that other calls read or
// write too. Its test runs with the tag ductile_explore, under which the library's
// atomic operations can be listened to.
package traffic
