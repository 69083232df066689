module github.com/ductile-go/ductile/proof

go 1.26.0

require (
	github.com/anishathalye/porcupine v1.3.1
	github.com/cenkalti/backoff/v7 v7.0.3
	github.com/ductile-go/ductile v0.1.0
	github.com/sony/gobreaker/v2 v2.4.0
	github.com/stretchr/testify v1.12.1
	golang.org/x/mod v0.42.0
	golang.org/x/sync v0.20.0
)

require go.yaml.in/yaml/v3 v3.0.6 // indirect

replace github.com/ductile-go/ductile => ../
