package ductilehttp

import (
	"errors"
	"fmt"
	"net/url"
	"strings"
)

// url returns the URL of path, with its query, below the base. No path can leave the base's
// host or path.
func (c *Client) url(path string) (*url.URL, error) {
	path, query, _ := strings.Cut(path, "?")
	query, _, _ = strings.Cut(query, "#")
	plain, err := url.PathUnescape(path)
	switch {
	case strings.ContainsFunc(query, func(r rune) bool { return r <= ' ' || r == 0x7f }):
		return nil, errors.New("ductilehttp: query contains a space or a control character: escape it, or use Query")
	case err != nil:
		return nil, errors.New("ductilehttp: path contains an invalid %-escape")
	case strings.HasPrefix(path, "//") || strings.Contains(path, "://"):
		return nil, errors.New("ductilehttp: path names a host, want a path below BaseURL")
	}
	if climbs(plain) {
		return nil, errors.New("ductilehttp: path contains a dot segment, want a path below BaseURL")
	}
	u := *c.base
	if path != "" {
		u.RawPath = strings.TrimSuffix(c.base.EscapedPath(), "/") + "/" + escape(strings.TrimPrefix(path, "/"))
		u.Path, _ = url.PathUnescape(u.RawPath) // both parts were checked before
	}
	u.RawQuery = query
	return &u, nil
}

// climbs reports whether a path has a dot segment, also as seen by a server that treats a
// backslash as a slash, cuts off parameters after a semicolon, or unescapes twice.
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

// escape escapes the bytes that a path must not contain and keeps existing escapes. net/url
// would turn a "%2F" into a "/" if the path also contains a space.
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
