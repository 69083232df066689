package console

import (
	"crypto/rand"
	"net/http"
	"strings"
	"sync"
	"time"

	"github.com/ductile-go/ductile/policy"
)

// Where to find what:
//
//	console.go   the type and its routes
//	security.go  what every response carries, and which hosts are served
//	watch.go     what is noted of each circuit as it moves; follow.go, of those of a Stats
//	journal.go   the ring of events
//	snapshot.go  the state as JSON; frames.go shares it between streams
//	registry.go  the configuration of a Registry; enlist.go has its circuits
//	pipelines.go what a Stats has counted; spread.go has the quantiles
//	stream.go    server-sent events
//	control.go   actions

// Console is an [http.Handler] that shows the state of policies and, if it is allowed to,
// controls circuits. Make one with [New]; the zero Console is not usable. It is safe for
// concurrent use.
type Console struct {
	cfg      Config
	boot     string    // tells a page that the process has restarted
	began    time.Time // on the clock; snapshots are sent at whole intervals after it
	hosts    map[string]bool
	cross    *http.CrossOriginProtection
	circuits []*watched
	byName   map[string]*watched
	journal  *journal
	frames   frames
	followed followed
	enlisted enlisted
	recent   recent

	// mu guards the fields below: two requests could otherwise both take the last stream,
	// or one begin after Close.
	mu      sync.Mutex
	streams int
	closed  bool
}

// New returns a console of the circuits, the Registry and the Stats of cfg. It panics with
// the error of [Config.Validate].
func New(cfg Config) *Console {
	if err := cfg.Validate(); err != nil {
		panic(err)
	}
	cfg = cfg.withDefaults()
	c := &Console{
		cfg: cfg, boot: rand.Text(), began: policy.Now(cfg.Clock),
		hosts: hostsOf(cfg.Hosts), cross: http.NewCrossOriginProtection(),
		byName: map[string]*watched{}, journal: newJournal(cfg.Events, cfg.Clock),
	}
	for _, circuit := range cfg.Circuits {
		w := c.watch(circuit)
		c.circuits = append(c.circuits, w)
		c.byName[shownName(circuit.Name())] = w
	}
	if cfg.Registry != nil {
		c.enlist(cfg.Registry)
	}
	if cfg.Stats != nil {
		c.follow(cfg.Stats)
	}
	return c
}

// Close ends all streams, refuses new ones with 503, and stops listening to circuits.
// Snapshots and the events so far are served as before. It may be called more than once.
func (c *Console) Close() {
	c.mu.Lock()
	c.closed = true
	c.mu.Unlock()
	c.journal.wake()
	for _, w := range c.circuits {
		w.stop()
	}
	if c.followed.stop != nil {
		c.followed.stop()
	}
	c.discharge()
}

// ServeHTTP serves the routes that the package comment lists. Any prefix must be removed
// from the request's path before, as [http.StripPrefix] does.
func (c *Console) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	harden(w.Header())
	if !c.serves(r) {
		http.Error(w, "console: host "+quoted(r.Host)+" is not served on a loopback listener; add it to Config.Hosts", http.StatusMisdirectedRequest)
		return
	}
	route := strings.TrimPrefix(r.URL.Path, "/")
	serve, method := c.routes(route)
	switch {
	case serve == nil:
		http.Error(w, "console: no page "+quoted(r.URL.Path)+"; mount the console with http.StripPrefix", http.StatusNotFound)
	case r.Method != method && (r.Method != http.MethodHead || method != http.MethodGet || route == "stream"):
		w.Header().Set("Allow", method)
		http.Error(w, "console: "+quoted(r.URL.Path)+" wants "+method, http.StatusMethodNotAllowed)
	default:
		serve(w, r)
	}
}

// routes returns the handler of a route and its method, or nil.
func (c *Console) routes(route string) (serve http.HandlerFunc, method string) {
	switch route {
	case "":
		return page, http.MethodGet
	case "snapshot":
		return c.serveSnapshot, http.MethodGet
	case "stream":
		return c.serveStream, http.MethodGet
	case "events":
		return c.serveEvents, http.MethodGet
	case "control":
		return c.serveControl, http.MethodPost
	}
	if f, ok := files[route]; ok {
		return f.serve, http.MethodGet
	}
	return nil, ""
}

// openStream takes one of the streams, if there is one.
func (c *Console) openStream() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.closed || c.streams >= c.cfg.MaxStreams {
		return false
	}
	c.streams++
	return true
}

func (c *Console) closeStream() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.streams--
}

// open returns the number of open streams, and whether Close was called.
func (c *Console) open() (streams int, closed bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.streams, c.closed
}
