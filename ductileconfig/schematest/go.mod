module github.com/ductile-go/ductile/ductileconfig/schematest

go 1.26.0

require (
	github.com/ductile-go/ductile v0.1.0
	github.com/ductile-go/ductile/ductileconfig v0.1.0
	github.com/santhosh-tekuri/jsonschema/v6 v6.0.3
	github.com/stretchr/testify v1.12.1
	go.yaml.in/yaml/v3 v3.0.6
)

require golang.org/x/text v0.14.0 // indirect

replace (
	github.com/ductile-go/ductile => ../..
	github.com/ductile-go/ductile/ductileconfig => ../
)
