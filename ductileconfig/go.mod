module github.com/ductile-go/ductile/ductileconfig

go 1.26.0

require (
	github.com/stretchr/testify v1.12.1
	go.yaml.in/yaml/v3 v3.0.6
)

require github.com/ductile-go/ductile v0.1.0

replace github.com/ductile-go/ductile => ../
