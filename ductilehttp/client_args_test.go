package ductilehttp_test

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"net/http"
	"os"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/ductile-go/ductile/ductilehttp"
)

// recording returns a client whose base records the bodies it is sent.
func recording() (*ductilehttp.Client, *[]string) {
	var sent []string
	c, _ := clientOf(tripper(func(r *http.Request) (*http.Response, error) {
		var body []byte
		if r.Body != nil {
			body, _ = io.ReadAll(r.Body)
		}
		sent = append(sent, string(body))
		return answer(r, 200, `{"name":"Ada"}`), nil
	}), "https://api.example.com")
	return c, &sent
}

func TestAnOutThatIsNotAPointerIsRefusedBeforeTheCall(t *testing.T) {
	c, sent := recording()
	var none *student
	for want, out := range map[string]any{
		"a ductilehttp_test.student":      student{},
		"a nil *ductilehttp_test.student": none,
		"a map[string]interface {}":       map[string]any{},
		"a func()":                        func() {},
	} {
		err := c.Post(t.Context(), "/", student{}, out)
		require.EqualError(t, err, "ductilehttp: out is "+want+", want a pointer to decode into, or nil")
	}
	assert.Empty(t, *sent)
	var anything any
	require.NoError(t, c.Get(t.Context(), "/", &anything))
	assert.Equal(t, map[string]any{"name": "Ada"}, anything)
}

// stamped is a Reader that implements json.Marshaler.
type stamped struct{ *bytes.Reader }

func (stamped) MarshalJSON() ([]byte, error) { return []byte(`"stamp"`), nil }

func TestAByteSliceOrAReaderAsInIsRefused(t *testing.T) {
	c, sent := recording()
	for want, in := range map[string]any{
		"[]uint8": []byte(`{}`), "*bytes.Buffer": &bytes.Buffer{}, "*strings.Reader": strings.NewReader("{}"), "*os.File": os.Stdin,
	} {
		err := c.Post(t.Context(), "/", in, nil)
		require.EqualError(t, err,
			"ductilehttp: in is a "+want+", want a value to encode, or a json.RawMessage of what is JSON already")
	}
	assert.Empty(t, *sent)
	for _, in := range []any{json.RawMessage(`{"a":1}`), stamped{}, "text", []string{"a"}} {
		require.NoError(t, c.Post(t.Context(), "/", in, nil))
	}
	assert.Equal(t, []string{`{"a":1}`, `"stamp"`, `"text"`, `["a"]`}, *sent)
}

func TestANilOptionOrContextIsRefused(t *testing.T) {
	c, sent := recording()
	require.EqualError(t, c.Get(t.Context(), "/", nil, ductilehttp.Idempotent(), nil), "ductilehttp: option 2 of 2 is nil, want an Option")
	var ctx context.Context
	require.EqualError(t, c.Get(ctx, "/", nil), "ductilehttp: nil context")
	assert.Empty(t, *sent)
}
