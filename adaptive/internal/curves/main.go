// Command curves simulates limiters side by side and draws their limits and latencies into
// docs/curves, for docs/adaptive.md.
//
//	go run ./adaptive/internal/curves docs/curves
package main

import (
	"fmt"
	"os"
	"path/filepath"
)

func main() {
	if len(os.Args) != 2 {
		fmt.Fprintln(os.Stderr, "usage: curves directory")
		os.Exit(2)
	}
	if err := write(os.Args[1]); err != nil {
		fmt.Fprintln(os.Stderr, "curves:", err)
		os.Exit(1)
	}
}

// write writes the drawing of each scene.
func write(dir string) error {
	if err := os.MkdirAll(dir, 0o755); err != nil { //nolint:gosec // for everyone to read
		return err
	}
	for _, s := range scenes {
		file := filepath.Join(dir, s.name+".svg")
		if err := os.WriteFile(file, []byte(s.draw()), 0o644); err != nil { //nolint:gosec // for everyone to read
			return err
		}
	}
	return nil
}
