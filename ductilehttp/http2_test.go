package ductilehttp_test

import (
	"bufio"
	"context"
	"crypto/tls"
	"encoding/binary"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/ductile-go/ductile/ductilehttp"
)

// HTTP/2 frames, RFC 9113, section 6, as far as needed here.
const (
	frameData, frameHeaders, frameReset, frameSettings, frameGoAway = 0, 1, 3, 4, 7
	flagEnd, flagAck, flagEndHeaders                                = 1, 1, 4
)

var (
	refusedStream = []byte{0, 0, 0, 7}
	nothingSeen   = []byte{0, 0, 0, 0, 0, 0, 0, 0} // last processed stream 0, no error
)

func frame(kind, flags byte, stream uint32, payload []byte) []byte {
	b := make([]byte, 9, 9+len(payload))
	b[0], b[1], b[2] = byte(len(payload)>>16), byte(len(payload)>>8), byte(len(payload))
	b[3], b[4] = kind, flags
	binary.BigEndian.PutUint32(b[5:], stream)
	return append(b, payload...)
}

// http2Server implements HTTP/2 by hand: it reports the first request as not processed,
// with a configurable frame, and answers the others with 200.
type http2Server struct {
	streams atomic.Int64
	refuse  func(stream uint32) []byte
	always  bool // refuse every request, not only the first
}

func refuseStream(stream uint32) []byte { return frame(frameReset, 0, stream, refusedStream) }
func goAway(uint32) []byte              { return frame(frameGoAway, 0, 0, nothingSeen) }

// serveHTTP2 serves connections from l until the end of the test.
func serveHTTP2(t *testing.T, l net.Listener, refuse func(stream uint32) []byte, always ...bool) *http2Server {
	s := &http2Server{refuse: refuse, always: len(always) > 0}
	var running sync.WaitGroup
	running.Go(func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			running.Go(func() {
				stop := context.AfterFunc(t.Context(), func() { _ = c.Close() })
				defer stop()
				s.serve(c)
				_ = c.Close()
			})
		}
	})
	t.Cleanup(func() {
		_ = l.Close()
		running.Wait()
	})
	return s
}

// serve handles frames until the connection is closed.
func (s *http2Server) serve(c net.Conn) {
	in := bufio.NewReader(c)
	_, _ = io.CopyN(io.Discard, in, int64(len("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n")))
	_, _ = c.Write(frame(frameSettings, 0, 0, nil))
	for {
		var h [9]byte
		if _, err := io.ReadFull(in, h[:]); err != nil {
			return
		}
		_, _ = io.CopyN(io.Discard, in, int64(h[0])<<16|int64(h[1])<<8|int64(h[2]))
		stream := binary.BigEndian.Uint32(h[5:])
		switch {
		case h[3] == frameSettings && h[4]&flagAck == 0:
			_, _ = c.Write(frame(frameSettings, flagAck, 0, nil))
		case (h[3] == frameData || h[3] == frameHeaders) && h[4]&flagEnd != 0:
			if s.streams.Add(1) == 1 || s.always {
				_, _ = c.Write(s.refuse(stream))
			} else {
				_, _ = c.Write(frame(frameHeaders, flagEnd|flagEndHeaders, stream, []byte{0x88})) // :status 200
			}
		}
	}
}

func TestHTTP2WithoutTLSIsRecognized(t *testing.T) {
	for name, refuse := range map[string]func(uint32) []byte{"GOAWAY": goAway, "REFUSED_STREAM": refuseStream} {
		for _, method := range []string{"GET", "PUT", "POST"} {
			t.Run(name+" "+method, func(t *testing.T) {
				l, err := net.Listen("tcp", "127.0.0.1:0") //nolint:noctx // closed at the end of the test
				require.NoError(t, err)
				s := serveHTTP2(t, l, refuse)
				base := &http.Transport{Protocols: new(http.Protocols)}
				base.Protocols.SetUnencryptedHTTP2(true)
				t.Cleanup(base.CloseIdleConnections)
				var body io.Reader
				if method != "GET" {
					body = strings.NewReader("charge")
				}
				cfg, clk := config(base)
				require.NoError(t, send(t, ductilehttp.NewTransport(cfg), method, "http://"+l.Addr().String(), body))
				assert.EqualValues(t, 2, s.streams.Load())
				assert.Empty(t, clk.Sleeps(), "net/http sends it again, because the server has not processed it")
			})
		}
	}
}

func TestARefusedStreamIsNotARequestFault(t *testing.T) {
	cert := serve(t, statuses(200), func(s *httptest.Server) {
		s.EnableHTTP2 = true
		s.StartTLS()
	})
	l, err := tls.Listen("tcp", "127.0.0.1:0", &tls.Config{Certificates: cert.TLS.Certificates, NextProtos: []string{"h2"}, MinVersion: tls.VersionTLS12})
	require.NoError(t, err)
	s := serveHTTP2(t, l, refuseStream)
	cfg, clk := config(cert.base)
	tr := ductilehttp.NewTransport(cfg)
	url := "https://" + l.Addr().String()
	err = send(t, tr, "POST", url, io.MultiReader(strings.NewReader("no way to get it again")))
	require.EqualError(t, err, "ductilehttp: the request was not taken, and its body cannot be sent again")
	assert.False(t, ductilehttp.IsRequestError(err))
	circuit, _ := tr.Circuits().Get(url)
	assert.EqualValues(t, 1, circuit.Snapshot().Counts.Failures)
	assert.Empty(t, clk.Sleeps())
	assert.EqualValues(t, 1, s.streams.Load())
}
