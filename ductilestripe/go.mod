module github.com/ductile-go/ductile/ductilestripe

go 1.26.0

require (
	github.com/ductile-go/ductile v0.1.0
	github.com/stretchr/testify v1.12.1
	github.com/stripe/stripe-go/v86 v86.4.0
)

require go.yaml.in/yaml/v3 v3.0.6 // indirect

replace github.com/ductile-go/ductile => ../
