package ductilehttp

import (
	"bufio"
	"errors"
	"io"
	"net"
	"net/http"
)

// writer records whether a response has begun. http.ResponseController finds the other
// methods of the server's own writer through Unwrap.
type writer struct {
	http.ResponseWriter
	wrote bool
}

func (w *writer) WriteHeader(code int) {
	if code >= 200 || code == http.StatusSwitchingProtocols { // other 1xx are not the response yet
		w.wrote = true
	}
	w.ResponseWriter.WriteHeader(code)
}

func (w *writer) Write(p []byte) (int, error) {
	w.wrote = true
	return w.ResponseWriter.Write(p)
}

// ReadFrom lets the server's writer send a file in its own way.
func (w *writer) ReadFrom(r io.Reader) (int64, error) {
	n, err := io.Copy(w.ResponseWriter, r)
	w.wrote = w.wrote || n > 0 // the server's writer writes the header with the first byte
	return n, err
}

// Flush implements http.Flusher.
func (w *writer) Flush() { _ = w.FlushError() }

// FlushError is for http.ResponseController: with only Flush, it would report success.
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
