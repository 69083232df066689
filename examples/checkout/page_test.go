package main

import (
	"context"
	"encoding/json"
	"net/http"
	"regexp"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// output is what the page prints.
type output struct {
	mu   sync.Mutex
	text string
}

func (o *output) Write(b []byte) (int, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.text += string(b)
	return len(b), nil
}

func (o *output) url() string {
	o.mu.Lock()
	defer o.mu.Unlock()
	return regexp.MustCompile(`http://\S+`).FindString(o.text)
}

func TestThePageShowsTheOutagesOfTheCheckoutUntilItIsInterrupted(t *testing.T) {
	for name, w := range map[string]way{"above": ways[0], "below": ways[1]} {
		t.Run(name, func(t *testing.T) {
			stripe := serve(t, succeed)
			ctx, interrupt := context.WithCancel(t.Context())
			defer interrupt()
			var out output
			ended := make(chan error, 1)
			go func() {
				ended <- w.page(ctx, &out, stripe.URL, rhythm{orders: 5 * time.Millisecond, calm: 100 * time.Millisecond, outage: 2 * time.Second})
			}()
			require.Eventually(t, func() bool { return out.url() != "" }, time.Minute, time.Millisecond)
			client := &http.Client{Transport: &http.Transport{}}
			defer client.CloseIdleConnections()
			wasOpen := func() bool {
				r, err := http.NewRequestWithContext(ctx, http.MethodGet, out.url()+"snapshot", nil)
				require.NoError(t, err)
				resp, err := client.Do(r)
				require.NoError(t, err)
				defer func() { _ = resp.Body.Close() }()
				var s struct {
					Control   bool
					Circuits  []struct{ Name, State string }
					Pipelines []struct {
						Name, Composition string
						Calls             int64
					}
				}
				require.NoError(t, json.NewDecoder(resp.Body).Decode(&s))
				require.Len(t, s.Circuits, 1)
				assert.Equal(t, "stripe", s.Circuits[0].Name)
				assert.True(t, s.Control)
				return s.Circuits[0].State == "open" && len(s.Pipelines) > 0 && s.Pipelines[0].Name == "checkout" && s.Pipelines[0].Calls > 0
			}
			require.Eventually(t, wasOpen, time.Minute, time.Millisecond)
			interrupt()
			assert.NoError(t, <-ended)
		})
	}
}
