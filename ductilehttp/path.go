package ductilehttp

import (
	"errors"
	"fmt"
	"net/url"
	"strings"
)

// url returns path, with its query, below the base. It cannot leave the base's
// host or path, whatever is in it.
func (c *Client) url(path string) (*url.URL, error) {
	path, query, _ := strings.Cut(path, "?")
	query, _, _ = strings.Cut(query, "#")
	plain, err := url.PathUnescape(path)
	switch {
	case strings.ContainsFunc(query, func(r rune) bool { return r <= ' ' || r == 0x7f }):
		return nil, errors.New("ductilehttp: query has a space or a control character, want it escaped, as Query does")
	case err != nil:
		return nil, errors.New("ductilehttp: path has a wrong %-escape")
	case strings.HasPrefix(path, "//") || strings.Contains(path, "://"):
		return nil, errors.New("ductilehttp: path names a host, want one below BaseURL")
	}
	if climbs(plain) {
		return nil, errors.New("ductilehttp: path has a segment of dots, want one below BaseURL")
	}
	u := *c.base
	if path != "" {
		u.RawPath = strings.TrimSuffix(c.base.EscapedPath(), "/") + "/" + escape(strings.TrimPrefix(path, "/"))
		u.Path, _ = url.PathUnescape(u.RawPath) // both were read before
	}
	u.RawQuery = query
	return &u, nil
}

// climbs reports whether a path has a segment of dots, for a server that takes
// a backslash for a slash, cuts off the parameters behind a semicolon, or unescapes
// again.
func climbs(path string) bool {
	for range 3 {
		for segment := range strings.SplitSeq(strings.ReplaceAll(path, `\`, "/"), "/") {
			if name, _, _ := strings.Cut(segment, ";"); name == "." || name == ".." {
				return true
			}
		}
		again, err := url.PathUnescape(path)
		if err != nil || again == path {
			return false
		}
		path = again
	}
	return false
}

// escape escapes what may not be in a path as it is, and leaves what is escaped:
// net/url would have a "/" for a "%2F" beside a space.
func escape(path string) string {
	var b strings.Builder
	for _, c := range []byte(path) {
		if c <= ' ' || c >= 0x7f || strings.IndexByte("\"#<>\\^`{|}", c) >= 0 {
			fmt.Fprintf(&b, "%%%02X", c)
		} else {
			b.WriteByte(c)
		}
	}
	return b.String()
}
