module github.com/ductile-go/ductile/examples

go 1.26.0

require github.com/ductile-go/ductile v0.0.0

replace github.com/ductile-go/ductile => ../
