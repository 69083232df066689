package redact_test

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/ductile-go/ductile/internal/redact"
)

func TestSecretsOfURLsAreRemoved(t *testing.T) {
	for _, c := range []struct{ in, want string }{
		{`connection refused`, `connection refused`},
		{`is it down?`, `is it down?`},
		{`mail bob@example.com`, `mail bob@example.com`},
		{`Get "https://api.example/v1/charge?key=sk_live_1&x=2": EOF`, `Get "https://api.example/v1/charge?...": EOF`},
		{`Get "https://bob:hunter2@api.example/v1": EOF`, `Get "https://...@api.example/v1": EOF`},
		{`https://token@api.example`, `https://...@api.example`},
		{`https://bob:hun@ter2@api.example:8443/a`, `https://...@api.example:8443/a`},
		{`postgres://bob:hun/ter2@db:5432/shop?sslmode=off`, `postgres://...@db:5432/shop?...`},
		{`postgres://bob:hun?ter2@db:5432/shop`, `postgres://...@db:5432/shop`},
		{`https://api.example:8443/@bob/x`, `https://api.example:8443/@bob/x`},
		{`https://[::1]:8443/@bob/x`, `https://[::1]:8443/@bob/x`},
		{`https://api.example/cb#access_token=abc`, `https://api.example/cb#...`},
		{`dial bob:hunter2@tcp(db:3306)/shop?tls=off: refused`, `dial ...@tcp(db:3306)/shop?... refused`},
		{`Get "/v1/charge?key=sk_live_1": EOF`, `Get "/v1/charge?...": EOF`},
		{`redis://:a/b@host:6379/0 refused`, `redis://...@host:6379/0 refused`},
		{`https://?secret`, `https://?...`},
		{`://`, `://`},
		{`a https://x.example?k=1 and <https://y.example?k=2>`, `a https://x.example?... and <https://y.example?...>`},
	} {
		assert.Equal(t, c.want, redact.Text(c.in), "%s", c.in)
	}
}

func TestALongTextIsCutBetweenWords(t *testing.T) {
	before := strings.Repeat("refused ", 8<<10-1)
	assert.Equal(t, before+"...", redact.Text(before+"https://bob:hunter2@host/ "+before))
	assert.Equal(t, "...", redact.Text(strings.Repeat("x", 1<<20)))
	whole := strings.Repeat("x", 64<<10)
	assert.Equal(t, whole, redact.Text(whole))
}

func FuzzNoPasswordOfAURLIsLeft(f *testing.F) {
	f.Add("hunter2", "sk_live")
	f.Add("a@b", "?#")
	f.Add("a/b:c", "x=y")
	f.Fuzz(func(t *testing.T, password, key string) {
		if strings.ContainsAny(password+key, " \t\r\n\f\v\"'`<>") || password == "" || len(password+key) > 1000 {
			return
		}
		got := redact.Text("Get https://bob:SECRET" + password + "SECRET@api.example/v1?key=SECRET" + key + ": EOF")
		assert.NotContains(t, got, "SECRET")
		assert.Contains(t, got, "EOF")
	})
}
