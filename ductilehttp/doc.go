// Package ductilehttp makes HTTP calls resilient with ductile's policies.
//
// [Transport] is an http.RoundTripper for any client or SDK:
//
//	client := &http.Client{Transport: ductilehttp.NewTransport(ductilehttp.Config{})}
//	resp, err := client.Get("https://api.example.com/students")
//
// Each request runs through total timeout > retry > breaker > attempt timeout, with one
// circuit per host. GET, HEAD, OPTIONS, TRACE, PUT and DELETE may be repeated, and so may
// any request with an Idempotency-Key. Other requests are repeated only if nothing of them
// was sent. See [RetryableRequest] and [RetryableResponse]. One attempt is one request at
// the server.
//
// [Config] also takes a hedge, and throttles, rate limits and gates for all requests or for
// each host. It puts them in their places: total timeout > retry > hedge > breaker > throttle >
// rate limit > attempt timeout > gate. To combine policies in another way, set Pipeline in
// Config: [Retry], [Hedge], [Breaker], [RateLimit], [Bulkhead] and [HoldBody] make policies
// for it, and so do the core's packages.
//
// [Client] calls JSON APIs:
//
//	api := ductilehttp.NewClient(ductilehttp.ClientConfig{BaseURL: "https://api.example.com"})
//	err := api.Post(ctx, "/students", in, &out, ductilehttp.Idempotent())
//
// [Handler] is the server side: it answers rejections of ductile's policies with a status
// and a Retry-After, and respects the time that the caller has left.
//
// No goroutine of a Transport outlives its request. A Transport keeps at most [MaxCircuits]
// circuits, however many hosts are called.
package ductilehttp
