module github.com/ductile-go/ductile/ductileotter

go 1.26.0

require (
	github.com/ductile-go/ductile v0.1.0
	github.com/maypok86/otter/v2 v2.4.0
	github.com/stretchr/testify v1.12.1
)

require go.yaml.in/yaml/v3 v3.0.6 // indirect

replace github.com/ductile-go/ductile => ../
