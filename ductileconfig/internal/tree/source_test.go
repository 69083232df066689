package tree

import (
	"io/fs"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestAFileThatSeemsAwayIsLookedForAgain(t *testing.T) {
	path := filepath.Join(t.TempDir(), "ductile.yaml")
	require.NoError(t, os.WriteFile(path, nil, 0o600))
	for away := range swaps + 2 {
		looks := 0
		file, err := found(func() (*os.File, error) {
			if looks++; looks <= away {
				return nil, &fs.PathError{Op: "open", Path: path, Err: fs.ErrNotExist}
			}
			return os.Open(path)
		})
		if away >= swaps {
			require.ErrorIs(t, err, fs.ErrNotExist)
			assert.Equal(t, swaps, looks)
			continue
		}
		require.NoError(t, err)
		require.NoError(t, file.Close())
		assert.Equal(t, away+1, looks)
	}
}

func TestAFileThatCannotBeOpenedIsLookedForOnce(t *testing.T) {
	looks := 0
	_, err := found(func() (*os.File, error) { looks++; return nil, fs.ErrPermission })
	require.ErrorIs(t, err, fs.ErrPermission)
	assert.Equal(t, 1, looks)
}
