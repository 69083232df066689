package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	"github.com/ductile-go/ductile/policy"
)

// proxy is a real reverse proxy on loopback, in front of one of our servers.
type proxy struct {
	name   string
	args   func(conf string) []string
	config func(dir, listen, backend string) string
	meddle func(p *os.Process) // called repeatedly while the proxy is in use
}

var proxies = []proxy{
	{
		name: "nginx", // reloads during the run: its workers close kept-alive connections
		args: func(conf string) []string { return []string{"-p", filepath.Dir(conf), "-c", conf, "-e", "stderr"} },
		config: func(dir, listen, backend string) string {
			return fmt.Sprintf(`daemon off; worker_processes 1; pid %[1]s/pid; error_log /dev/null;
events {}
http {
	access_log off; client_body_temp_path %[1]s/b; proxy_temp_path %[1]s/p; fastcgi_temp_path %[1]s/f; uwsgi_temp_path %[1]s/u; scgi_temp_path %[1]s/s;
	upstream backend { server %[3]s max_fails=0; }
	server { listen 127.0.0.1:%[2]s; location / { proxy_pass http://backend; proxy_next_upstream off; proxy_http_version 1.1; client_max_body_size 0; } }
}`, dir, listen, backend)
		},
		meddle: func(p *os.Process) { _ = p.Signal(syscall.SIGHUP) },
	},
	{
		name: "haproxy", // closes idle connections early
		args: func(conf string) []string { return []string{"-db", "-f", conf} },
		config: func(_, listen, backend string) string {
			return fmt.Sprintf(`defaults
	mode http
	timeout connect 1s
	timeout client 5s
	timeout server 5s
	timeout http-keep-alive 20ms
	retries 0
frontend f
	bind 127.0.0.1:%s
	default_backend b
backend b
	server s %s
`, listen, backend)
		},
		meddle: func(*os.Process) {},
	},
}

// start starts the proxy and the server behind it.
func (p proxy) start() (*target, error) {
	program, err := find(p.name)
	if err != nil {
		return nil, err
	}
	tg := served(p.name, false, false)
	dir, err := os.MkdirTemp("", "soak")
	if err != nil {
		return nil, err
	}
	if err := os.Chmod(dir, 0o711); err != nil { // nginx's workers run as another user
		return nil, err
	}
	listen, err := free()
	if err != nil {
		return nil, err
	}
	conf := filepath.Join(dir, p.name+".conf")
	if err := os.WriteFile(conf, []byte(p.config(dir, listen, strings.TrimPrefix(tg.url, "http://"))), 0o600); err != nil {
		return nil, err
	}
	cmd := exec.CommandContext(context.Background(), program, p.args(conf)...) //nolint:gosec // a system program
	if err := cmd.Start(); err != nil {
		return nil, err
	}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan struct{})
	go func() {
		defer close(done)
		for policy.Sleep(ctx, nil, 300*time.Millisecond) == nil {
			p.meddle(cmd.Process)
		}
	}()
	tg.proxied = true
	stop := tg.stop
	tg.url = "http://127.0.0.1:" + listen
	tg.stop = func() {
		cancel()
		<-done
		_ = cmd.Process.Signal(syscall.SIGTERM)
		_ = cmd.Wait()
		stop()
		_ = os.RemoveAll(dir)
	}
	if err := listening("127.0.0.1:" + listen); err != nil {
		tg.stop()
		return nil, err
	}
	tg.base = &http.Transport{MaxIdleConnsPerHost: soakers}
	return tg, nil
}

// find looks for a program, including directories that only root's path contains.
func find(name string) (string, error) {
	if path, err := exec.LookPath(name); err == nil {
		return path, nil
	}
	return exec.LookPath("/usr/sbin/" + name)
}

// listening waits until addr accepts connections.
func listening(addr string) error {
	for range 100 {
		if c, err := net.DialTimeout("tcp", addr, time.Second); err == nil { //nolint:noctx // bounded
			_ = c.Close()
			return nil
		}
		_ = policy.Sleep(context.Background(), nil, 20*time.Millisecond)
	}
	return errors.New("it does not listen")
}
