// Package redact removes secrets from texts that are about to be logged or shown.
package redact

import (
	"regexp"
	"strings"
)

var (
	// link matches a URL up to the next space, quote or angle bracket.
	link = regexp.MustCompile("[A-Za-z][A-Za-z0-9+.-]*://[^\\s\"'`<>]+")
	// login matches "user:password@" outside of a URL, as data source names have it.
	login = regexp.MustCompile("[^\\s\"'`<>/@:=(]+:[^\\s\"'`<>/@]+@")
	// query matches the query of a URL that has only a path.
	query = regexp.MustCompile("\\?[^\\s\"'`<>=]+=[^\\s\"'`<>]*")
)

// maxText is how much of a text is looked at and shown, in bytes. Another process may send an
// error of megabytes, and to look for secrets takes a third of a second for each.
const maxText = 64 << 10

// Text returns s without the userinfo, the query and the fragment of each URL in it, and
// without the user and password of a data source name, "user:password@tcp(host)/db". What
// it removes, it replaces by "...". Errors of package net/url and of drivers contain such
// URLs. A text that is longer than maxText is cut.
func Text(s string) string {
	if len(s) > maxText { // whole words stay: a secret that is cut in two is no longer found
		s = s[:strings.LastIndexAny(s[:maxText], " \t\r\n")+1] + "..."
	}
	if !strings.ContainsAny(s, "?@#") {
		return s
	}
	s = link.ReplaceAllStringFunc(s, inLink)
	s = login.ReplaceAllString(s, "...@")
	return query.ReplaceAllString(s, "?...")
}

// inLink redacts one URL. It does not parse it, because passwords that break the syntax
// are passwords too.
func inLink(s string) string {
	at := strings.Index(s, "://") + len("://")
	scheme, rest := s[:at], s[at:]
	rest = withoutUserinfo(rest)
	if i := strings.IndexAny(rest, "?#"); i >= 0 {
		rest = rest[:i+1] + "..."
	}
	return scheme + rest
}

// withoutUserinfo redacts what is before the last @, if the authority has an @ or looks
// like a host with a port that is no number. A password may contain @, / and ?, so the
// authority may seem to end inside of it. For a URL with both userinfo and a later @, this
// removes more than it has to.
func withoutUserinfo(s string) string {
	authority := s
	if i := strings.IndexAny(s, "/?#"); i >= 0 {
		authority = s[:i]
	}
	if !strings.Contains(authority, "@") && !oddPort(authority) {
		return s
	}
	if i := strings.LastIndexByte(s, '@'); i >= 0 {
		return "..." + s[i:]
	}
	return s
}

func oddPort(authority string) bool {
	if _, after, ok := strings.Cut(authority, "]"); ok && authority[0] == '[' {
		authority = after // an IPv6 address has colons of its own
	}
	_, port, ok := strings.Cut(authority, ":")
	return ok && strings.Trim(port, "0123456789") != ""
}
