package ductilehttp_test

import (
	"io"
	"net/http"
	"runtime"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/ductile-go/ductile/ductilehttp"
)

// leaving runs f on a goroutine of its own, which f may leave as it likes.
func leaving(f func()) {
	var ended sync.WaitGroup
	ended.Go(func() {
		defer func() { _ = recover() }()
		f()
	})
	ended.Wait()
}

var leaves = map[string]func(){"panic": func() { panic("rule") }, "Goexit": runtime.Goexit}

func TestTheBodyIsClosedWhenARulePanicsOrExits(t *testing.T) {
	for name, leave := range leaves {
		t.Run(name, func(t *testing.T) {
			cfg, _ := config(tripper(func(*http.Request) (*http.Response, error) { return nil, io.EOF }))
			cfg.RetryRequest = func(*http.Request) bool { leave(); return true }
			body := &closeCounter{Reader: strings.NewReader("body")}
			leaving(func() {
				_, _ = ductilehttp.NewTransport(cfg).RoundTrip(request(t, "PUT", "http://h.example/", body))
			})
			assert.EqualValues(t, 1, body.closed.Load())
		})
	}
}
