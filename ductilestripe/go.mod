module github.com/ductile-go/ductile/ductilestripe

go 1.26.0

require (
	github.com/ductile-go/ductile v0.1.0
	github.com/stretchr/testify v1.11.1
	github.com/stripe/stripe-go/v86 v86.4.0
)

require (
	github.com/davecgh/go-spew v1.1.1 // indirect
	github.com/pmezard/go-difflib v1.0.0 // indirect
	gopkg.in/yaml.v3 v3.0.1 // indirect
)

replace github.com/ductile-go/ductile => ../
