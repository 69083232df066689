package observe

import "unsafe"

// Entries returns the number of entries in the table of s.
func Entries(s *Stats) int {
	n := 0
	for range s.table.all {
		n++
	}
	return n
}

// Buckets returns the number of buckets in the table of s.
func Buckets(s *Stats) int { return len(s.table.buckets) }

// Keeps reports whether the table of s keeps the memory of a string.
func Keeps(s *Stats, text string) bool {
	for r := range s.table.all {
		for _, kept := range []string{r.a, r.b, r.c, r.d, r.e} {
			if kept != "" && unsafe.StringData(kept) == unsafe.StringData(text) {
				return true
			}
		}
	}
	return false
}
