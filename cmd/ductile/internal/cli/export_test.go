package cli

// Version is version.
var Version = version

// Place is place.
var Place = place

// Excerpt returns the excerpt of a line of a text.
func Excerpt(text string, line, column int) string {
	return texts{"f": lines([]byte(text))}.excerpt("f", line, column)
}

// SweepOf is sweepOf.
var SweepOf = sweepOf
