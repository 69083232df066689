package console

import (
	"embed"
	"net/http"
	"net/url"
	"strconv"
	"strings"
)

//go:embed assets
var assets embed.FS

// file is a file of the page.
type file struct {
	kind string
	data []byte
}

var (
	index = load("index.html", "text/html; charset=utf-8")
	files = map[string]file{
		"style.css": load("style.css", "text/css; charset=utf-8"),
		"app.js":    load("app.js", "text/javascript; charset=utf-8"),
		"icon.svg":  load("icon.svg", "image/svg+xml"),
	}
)

func load(name, kind string) file {
	data, err := assets.ReadFile("assets/" + name)
	if err != nil {
		panic(err) // the file is not in the build
	}
	return file{kind, data}
}

func (f file) serve(w http.ResponseWriter, _ *http.Request) {
	w.Header().Set("Content-Type", f.kind)
	w.Header().Set("Content-Length", strconv.Itoa(len(f.data)))
	_, _ = w.Write(f.data)
}

// page serves the page itself. Its links are relative, so they lead to the right place only
// from a URL that ends in a slash.
func page(w http.ResponseWriter, r *http.Request) {
	if to := slashed(r); to != "" {
		w.Header().Set("Location", to)
		w.WriteHeader(http.StatusTemporaryRedirect)
		return
	}
	index.serve(w, r)
}

// slashed returns where the page is, relative to a request for the prefix without its slash,
// and "" for any other request. It takes the last part of the path alone, since a proxy may
// have changed what is before it.
func slashed(r *http.Request) string {
	asked, err := url.ParseRequestURI(r.RequestURI)
	if err != nil || r.URL.Path != "" {
		return ""
	}
	whole := asked.EscapedPath()
	last := whole[strings.LastIndexByte(whole, '/')+1:]
	if last == "" {
		return ""
	}
	return "./" + last + "/"
}
