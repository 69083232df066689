package pipes_test

import (
	"context"
	"io"
	"net"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/ductile-go/ductile/internal/pipes"
)

func TestEachConnectionHasAPortOfItsOwn(t *testing.T) {
	l := pipes.New()
	for _, addr := range []string{"127.0.0.1:1", "127.0.0.1:2"} {
		go func() {
			c, err := l.Accept()
			if assert.NoError(t, err) {
				_, _ = io.WriteString(c, c.RemoteAddr().String())
				_ = c.Close()
			}
		}()
		c, err := l.Dial(t.Context(), "tcp", "nowhere.example:80")
		require.NoError(t, err)
		got, err := io.ReadAll(c)
		require.NoError(t, err)
		assert.Equal(t, addr, string(got))
		assert.Equal(t, "127.0.0.1:8080", l.Addr().String())
	}
}

func TestNothingIsAcceptedOrDialledAfterClose(t *testing.T) {
	l := pipes.New()
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	_, err := l.Dial(ctx, "", "")
	require.ErrorIs(t, err, context.Canceled)
	for range 2 {
		require.NoError(t, l.Close())
		_, err = l.Accept()
		require.ErrorIs(t, err, net.ErrClosed)
		_, err = l.Dial(t.Context(), "", "")
		require.ErrorIs(t, err, net.ErrClosed)
	}
}
