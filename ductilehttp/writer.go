package ductilehttp

import (
	"bufio"
	"errors"
	"io"
	"net"
	"net/http"
)

// writer notes whether an answer has begun. What the server's own writer can do
// besides, http.ResponseController finds through Unwrap.
type writer struct {
	http.ResponseWriter
	wrote bool
}

func (w *writer) WriteHeader(code int) {
	if code >= 200 || code == http.StatusSwitchingProtocols { // others are no answer yet
		w.wrote = true
	}
	w.ResponseWriter.WriteHeader(code)
}

func (w *writer) Write(p []byte) (int, error) {
	w.wrote = true
	return w.ResponseWriter.Write(p)
}

// ReadFrom lets a file be sent as the server's writer sends it.
func (w *writer) ReadFrom(r io.Reader) (int64, error) {
	n, err := io.Copy(w.ResponseWriter, r)
	w.wrote = w.wrote || n > 0 // the server's writer begins with the first byte
	return n, err
}

// Flush is for handlers that look for http.Flusher.
func (w *writer) Flush() { _ = w.FlushError() }

// FlushError is for http.ResponseController, which takes a Flush for a success.
func (w *writer) FlushError() error {
	err := http.NewResponseController(w.ResponseWriter).Flush()
	w.wrote = w.wrote || !errors.Is(err, http.ErrNotSupported)
	return err
}

func (w *writer) Hijack() (net.Conn, *bufio.ReadWriter, error) {
	c, buffer, err := http.NewResponseController(w.ResponseWriter).Hijack()
	w.wrote = w.wrote || err == nil
	return c, buffer, err
}

func (w *writer) Unwrap() http.ResponseWriter { return w.ResponseWriter }
