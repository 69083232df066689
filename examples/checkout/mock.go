package main

import (
	"context"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"time"

	"github.com/ductile-go/ductile/retry"
)

const stripeMock = "github.com/stripe/stripe-mock@v0.203.0"

// startMock builds Stripe's own mock server, starts it on a free loopback port and waits
// until it answers. stop stops it and removes the build.
func startMock(ctx context.Context) (url string, stop func(), err error) {
	dir, err := os.MkdirTemp("", "stripe-mock")
	if err != nil {
		return "", nil, err
	}
	stop = func() { _ = os.RemoveAll(dir) }
	defer func() {
		if err != nil {
			stop()
		}
	}()
	build := exec.CommandContext(ctx, "go", "install", stripeMock)
	build.Env = append(os.Environ(), "GOBIN="+dir, "GOFLAGS=", "GOOS=", "GOARCH=")
	if out, err := build.CombinedOutput(); err != nil {
		return "", nil, fmt.Errorf("building %s: %w\n%s", stripeMock, err, out)
	}
	addr, err := freeAddr(ctx)
	if err != nil {
		return "", nil, err
	}
	mock := exec.CommandContext(ctx, filepath.Join(dir, "stripe-mock"), "-http-addr", addr)
	if err := mock.Start(); err != nil {
		return "", nil, err
	}
	stop = func() {
		_ = mock.Process.Kill()
		_ = mock.Wait()
		_ = os.RemoveAll(dir)
	}
	url = "http://" + addr
	return url, stop, await(ctx, url)
}

// freeAddr returns a loopback address that was free a moment ago.
func freeAddr(ctx context.Context) (string, error) {
	l, err := new(net.ListenConfig).Listen(ctx, "tcp", "127.0.0.1:0")
	if err != nil {
		return "", err
	}
	defer func() { _ = l.Close() }()
	return l.Addr().String(), nil
}

// await requests url until it answers, using the library's own policies.
func await(ctx context.Context, url string) error {
	_, err := retry.Do(ctx, retry.Config{
		MaxAttempts: retry.Unlimited, Backoff: retry.Constant(50 * time.Millisecond), MaxElapsed: time.Minute,
	}, func(ctx context.Context) (struct{}, error) {
		req, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
		if err != nil {
			return struct{}{}, retry.Permanent(err)
		}
		resp, err := http.DefaultClient.Do(req)
		if err == nil {
			_ = resp.Body.Close()
		}
		return struct{}{}, err
	})
	return err
}
