package main

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestOutputToAFileHasNoColours(t *testing.T) {
	file, err := os.Create(filepath.Join(t.TempDir(), "out"))
	require.NoError(t, err)
	defer func() { assert.NoError(t, file.Close()) }()
	p := paletteFor(file)
	for _, text := range []string{p.bold("x"), p.faint("x"), p.warn("x")} {
		assert.Equal(t, "x", text)
	}
	assert.Equal(t, "paid", p.end(paid))
}

func TestOutputToATerminalHasColoursUnlessNoColorIsSet(t *testing.T) {
	terminal, err := os.OpenFile("/dev/ptmx", os.O_RDWR, 0)
	if err != nil {
		t.Skip("this machine has no pseudo-terminals:", err)
	}
	defer func() { assert.NoError(t, terminal.Close()) }()
	t.Setenv("NO_COLOR", "")
	assert.Equal(t, "\x1b[31mrefused\x1b[0m", paletteFor(terminal).end(refused))
	t.Setenv("NO_COLOR", "1")
	assert.Equal(t, "refused", paletteFor(terminal).end(refused))
}
