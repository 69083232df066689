//go:build unix

package command

import (
	"bufio"
	"context"
	"io"
	"os"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// The pipe ends when the last process with its other end does.
func TestProgramsStartedByAProgramEndWithIt(t *testing.T) {
	out, in, err := os.Pipe()
	require.NoError(t, err)
	ctx, cancel := context.WithCancel(context.Background())
	cmd := Context(ctx, "sh", "-c", "sleep 1000 & echo started; wait")
	cmd.Stdout = in
	require.NoError(t, cmd.Start())
	require.NoError(t, in.Close())
	lines := bufio.NewReader(out)
	line, err := lines.ReadString('\n')
	require.NoError(t, err)
	assert.Equal(t, "started\n", line)
	cancel()
	require.Error(t, cmd.Wait())
	rest, err := io.ReadAll(lines)
	require.NoError(t, err)
	assert.Empty(t, rest)
}
