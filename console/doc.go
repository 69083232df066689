// Package console serves a live page of what the policies of a program do: an
// [http.Handler] for the program's own debug server.
//
//	c := console.New(console.Config{Circuits: []*breaker.Circuit{stripe, search}})
//	mux.Handle("/debug/ductile/", http.StripPrefix("/debug/ductile", c))
//
// The page shows first what is wrong, in words: which circuit is open, since when and
// why, and when it will send the next probe. It works on a phone, and it needs nothing from
// outside: its files are part of the binary. All of its links are relative, so it may be
// mounted under any prefix and behind any proxy.
//
// With Config.Registry it also shows the configuration: each value and where it comes from,
// and the error of the last reload.
//
//	GET  /          the page
//	GET  /snapshot  the state of everything, as JSON
//	GET  /stream    snapshots and events as they happen, as server-sent events
//	GET  /events    the latest events, as JSON; ?after=7 returns those with an id above 7
//	POST /control   an [Action], as JSON; refused without Config.Allow
//
// # Security
//
// The page is read-only unless [Config].Allow is set. Access is decided where it is
// mounted: put it behind the authentication of your debug server.
//
//   - A request to /control needs the content type application/json and must come from the
//     page's own origin, or from no browser at all.
//   - A request to /stream is refused if a browser says that a page of another site or host
//     makes it: that page could not read the stream, but hold all of them.
//   - If the server listens on a loopback address, only the hosts localhost, 127.0.0.1,
//     [::1] and those of Config.Hosts are served, with any port. Otherwise a web page could
//     reach the console by a name of its own that resolves to 127.0.0.1 (DNS rebinding).
//     X-Forwarded headers are not read.
//   - Every response, refusals included, has a Content-Security-Policy that allows the
//     page's own files and nothing else, and is neither stored nor framed.
//   - Error texts pass through Config.Redact. Names and texts are drawn as text.
//
// # Cost
//
// A console starts no goroutine. Without a stream or a request it does no work but note
// the transitions of circuits: one entry in a ring of [Config].Events. A stream that is
// read too slowly delays no transition. It misses events, and is sent their number.
//
// [http.Server.Shutdown] waits for open streams. Register [Console.Close], which ends them:
//
//	srv.RegisterOnShutdown(c.Close)
package console
