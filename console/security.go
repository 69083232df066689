package console

import (
	"net"
	"net/http"
	"strconv"
	"strings"
)

// harden sets the headers of every response, refusals and errors included.
func harden(h http.Header) {
	for name, value := range map[string]string{
		"Content-Security-Policy": "default-src 'none'; style-src 'self'; script-src 'self'; connect-src 'self'; img-src 'self'; " +
			"base-uri 'none'; form-action 'none'; frame-ancestors 'none'; require-trusted-types-for 'script'",
		"X-Content-Type-Options":       "nosniff",
		"X-Frame-Options":              "DENY", // for browsers that do not know frame-ancestors
		"Referrer-Policy":              "no-referrer",
		"Cache-Control":                "no-store",
		"Cross-Origin-Opener-Policy":   "same-origin",
		"Cross-Origin-Resource-Policy": "same-origin",
	} {
		h.Set(name, value)
	}
}

// serves reports whether the host of r may be served. By DNS rebinding, a page of any site
// can make a browser send requests to a loopback address, under the site's own name. Origin
// and Host are then the same, so only the name gives it away. On other listeners the name is
// that of a proxy or of the machine, which the console cannot know.
func (c *Console) serves(r *http.Request) bool {
	local, ok := r.Context().Value(http.LocalAddrContextKey).(net.Addr)
	if !ok {
		return true
	}
	tcp, ok := local.(*net.TCPAddr)
	return !ok || !tcp.IP.IsLoopback() || c.hosts[hostname(r.Host)]
}

// fromElsewhere reports whether a browser says that a page of another site or host has made
// the request. Such a page cannot read the response.
func fromElsewhere(r *http.Request) bool {
	switch r.Header.Get("Sec-Fetch-Site") {
	case "cross-site", "same-site":
		return true
	}
	return false
}

func hostsOf(more []string) map[string]bool {
	hosts := map[string]bool{"localhost": true, "127.0.0.1": true, "::1": true}
	for _, host := range more {
		hosts[hostname(host)] = true
	}
	return hosts
}

// hostname returns a host without its port and brackets, in lower case.
func hostname(host string) string {
	if name, _, err := net.SplitHostPort(host); err == nil {
		host = name
	} else if strings.HasPrefix(host, "[") && strings.HasSuffix(host, "]") {
		host = host[1 : len(host)-1]
	}
	return strings.ToLower(host)
}

// quoted quotes a text of the client's for a message, and shortens it.
func quoted(s string) string {
	if len(s) > 100 {
		s = s[:100] + "..."
	}
	return strconv.Quote(s)
}
