package redact_test

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/ductile-go/ductile/internal/redact"
)

func TestURLsLoseUserInformationAndQueries(t *testing.T) {
	for in, want := range map[string]string{
		"":         "",
		"no route": "no route",
		`Get "https://sk_live:x@api.stripe.com/v1/charges?key=secret&b=2": EOF`: `Get "https://api.stripe.com/v1/charges": EOF`,
		"postgres://u:p@db:5432/shop?sslmode=off is down":                       "postgres://db:5432/shop is down",
		"redis://:a/b@host:6379/0 refused":                                      "redis://host:6379/0 refused",
		"redis://u:a?b@host refused":                                            "redis://host refused",
		"two http://a@x/?q and http://b@y#token":                                "two http://x/ and http://y",
		"http://host:80/users/ada@example.com":                                  "http://host:80/users/ada@example.com",
		"https://[::1]:8080/x?y":                                                "https://[::1]:8080/x",
		"://":                                                                   "://",
		"https://?secret":                                                       "https://",
	} {
		assert.Equal(t, want, redact.URLs(in))
	}
}

func FuzzURLs(f *testing.F) {
	f.Add("user", "pass", "host", "token")
	f.Add("a", "b/c", "host:80", "x")
	f.Fuzz(func(t *testing.T, user, pass, host, query string) {
		for _, part := range []string{user, pass, host, query} {
			if strings.ContainsAny(part, "/?#@ \"'`<>|\\^{}:") || strings.ContainsFunc(part, func(r rune) bool { return r <= ' ' }) {
				t.Skip()
			}
		}
		got := redact.URLs("Get \"https://" + user + ":" + pass + "@" + host + "/p?k=" + query + "\": EOF")
		assert.Equal(t, "Get \"https://"+host+"/p\": EOF", got)
		assert.Equal(t, got, redact.URLs(got), "it has no effect on its own result")
	})
}
