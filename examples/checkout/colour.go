package main

import (
	"os"

	"golang.org/x/term"
)

// palette colours text for a terminal. The zero palette leaves text unchanged.
type palette struct{ on bool }

// paletteFor returns a palette with colours if file is a terminal and NO_COLOR is not set:
// see https://no-color.org.
func paletteFor(file *os.File) palette {
	return palette{os.Getenv("NO_COLOR") == "" && term.IsTerminal(int(file.Fd()))}
}

func (p palette) paint(code, text string) string {
	if !p.on {
		return text
	}
	return "\x1b[" + code + "m" + text + "\x1b[0m"
}

func (p palette) bold(text string) string  { return p.paint("1", text) }
func (p palette) faint(text string) string { return p.paint("2", text) }
func (p palette) warn(text string) string  { return p.paint("33", text) }

// end returns e in the colour of its kind.
func (p palette) end(e end) string {
	return p.paint(map[end]string{paid: "32", queued: "33", refused: "31"}[e], string(e))
}
