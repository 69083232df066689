// Configured is a service whose policies come from a file, ductile.yaml. An operator edits
// the file while clients call: a threshold, a typo, a pipeline more, a circuit less, and
// then hundreds of edits in a row. The program counts every call on its way, and exits with
// 0 only if nothing was lost: no call, place, token or transition, and no circuit forgot
// its state.
//
// With -page, the edits go on until the program is interrupted, and a page shows what the
// file declares and what each reload did.
package main

import (
	"context"
	"flag"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/signal"
	"time"
)

func main() {
	page := flag.Bool("page", false, "serve the console while the file is edited again and again, until interrupted")
	seed := flag.Uint64("seed", 1, "of the order in which clients call")
	flag.Parse()
	ctx, interrupted := signal.NotifyContext(context.Background(), os.Interrupt)
	err := run(ctx, os.Stdout, *seed, *page)
	interrupted()
	if err != nil {
		fmt.Fprintln(os.Stderr, "configured:", err)
		os.Exit(1)
	}
}

// run starts the services that are called, on loopback, and then the story or the page.
func run(ctx context.Context, out io.Writer, seed uint64, page bool) error {
	b := new(backend)
	server, err := serve(ctx, b)
	if err != nil {
		return err
	}
	defer func() { _ = server.Close() }()
	transport := &http.Transport{MaxIdleConnsPerHost: clients}
	defer transport.CloseIdleConnections()
	w := world{backend: b, transport: transport, url: "http://" + server.Addr, seed: seed, clients: clients, storm: 1500 * time.Millisecond, every: 2 * time.Millisecond}
	if page {
		return w.page(ctx, out)
	}
	return w.tell(ctx, out)
}

// clients is how many call at a time.
const clients = 12

// world is what the service runs in.
type world struct {
	backend   *backend
	transport http.RoundTripper
	url       string
	seed      uint64
	clients   int
	storm     time.Duration // at least so long, edits follow one another
	// every is the time between two looks at the file. 5 s, the default, is enough for a
	// service, but long for a story.
	every time.Duration
}
