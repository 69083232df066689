// Package redact removes secrets from texts that are about to be logged or shown.
package redact

import "strings"

// URLs returns s with the user information and the query of each URL in it removed:
// https://user:key@host/path?token=1 becomes https://host/path. Errors of package net/url
// and of drivers contain such URLs.
func URLs(s string) string {
	at := strings.Index(s, "://")
	if at < 0 {
		return s
	}
	var out strings.Builder
	for ; at >= 0; at = strings.Index(s, "://") {
		at += len("://")
		out.WriteString(s[:at])
		url := s[at:]
		end := strings.IndexFunc(url, ends)
		if end < 0 {
			end = len(url)
		}
		out.WriteString(without(url[:end]))
		s = url[end:]
	}
	out.WriteString(s)
	return out.String()
}

// ends reports whether a URL in a text ends before r.
func ends(r rune) bool { return r <= ' ' || strings.ContainsRune("\"'`<>|\\^{}", r) }

// without returns a URL, from the end of its scheme on, without user information, query
// and fragment. User information ends at the last @ before the path, which is where
// clients end it.
func without(url string) string {
	query := strings.IndexAny(url, "?#")
	rest := url
	if query >= 0 {
		rest = url[:query]
	}
	host, path, found := strings.Cut(rest, "/")
	if i := strings.LastIndexByte(host, '@'); i >= 0 {
		host = host[i+1:]
	} else if strings.ContainsRune(rest, '@') && strings.ContainsRune(host, ':') && !port(host) {
		// A password with a slash in it, as in redis://:a/b@host: everything up to the
		// last @ may be a secret.
		return rest[strings.LastIndexByte(rest, '@')+1:]
	} else if query >= 0 && strings.ContainsRune(url[query:], '@') && !found && strings.ContainsRune(host, ':') && !port(host) {
		return url[strings.LastIndexByte(url, '@')+1:] // a password with a question mark
	}
	if found {
		return host + "/" + path
	}
	return host
}

// port reports whether host ends with a colon and digits only.
func port(host string) bool {
	digits := host[strings.LastIndexByte(host, ':')+1:]
	return strings.Trim(digits, "0123456789") == ""
}
