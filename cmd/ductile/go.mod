module github.com/ductile-go/ductile/cmd/ductile

go 1.26.0

require (
	github.com/ductile-go/ductile v0.1.0
	github.com/ductile-go/ductile/ductileconfig v0.1.0
	github.com/stretchr/testify v1.12.1
)

require go.yaml.in/yaml/v3 v3.0.6

replace (
	github.com/ductile-go/ductile => ../../
	github.com/ductile-go/ductile/ductileconfig => ../../ductileconfig
)
