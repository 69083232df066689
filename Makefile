.DEFAULT_GOAL := help
MODULES := $(shell git ls-files '*go.mod' | xargs -n1 dirname)
PACKAGES := ./policy,./retry,./breaker,./pipeline,./fake
FLOOR := 95
FUZZTIME := 20s
BENCH := .
COUNT := 1
TIME := 1s

STATICCHECK := $(CURDIR)/.bin/staticcheck-v0.7.0
GOLANGCI := $(CURDIR)/.bin/golangci-lint-v2.12.0

.PHONY: help demo test lint cover bench fuzz examples
help: ## list the targets
	@grep -E '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/'

demo: ## take payments through the Stripe SDK while everything breaks
	cd examples && go run ./checkout

examples: ## run every example once
	@set -e; for m in examples/*/main.go; do (cd examples && go run ./$$(basename $$(dirname $$m))); done

test: ## all tests of every module, with the race detector, shuffled
	@set -e; for m in $(MODULES); do (cd $$m && go test -race -shuffle=on ./...); done

lint: $(STATICCHECK) $(GOLANGCI) ## gofmt, go vet, staticcheck and golangci-lint
	@test -z "$$(gofmt -l .)" || { gofmt -l .; exit 1; }
	@set -e; for m in $(MODULES); do (cd $$m && go vet ./... && $(STATICCHECK) ./... && \
		$(GOLANGCI) run --config $(CURDIR)/.golangci.yml ./...); done

cover: ## coverage of the library packages by all tests; fails below FLOOR percent
	go test -coverpkg=$(PACKAGES) -coverprofile=.cover.out ./...
	@go tool cover -func=.cover.out | awk -v floor=$(FLOOR) '{ sub("%", "", $$NF) } $$NF+0 < 100 { print } \
		/^total:/ && $$NF+0 < floor+0 { print "coverage is below " floor " %"; exit 1 }'

bench: ## the benchmarks; BENCH, COUNT and TIME choose which, how often and how long
	go test -run '^$$' -bench '$(BENCH)' -benchmem -count $(COUNT) -benchtime $(TIME) ./...

fuzz: ## each fuzz target for FUZZTIME
	@set -e; grep -rho --include='*_test.go' '^func Fuzz[A-Za-z]*' . | awk '{ print $$2 }' | while read -r f; do \
		go test -run '^$$' -fuzz "^$$f$$" -fuzztime $(FUZZTIME) ./$$(dirname $$(grep -rl --include='*_test.go' "^func $$f(" .)); done

$(STATICCHECK):
	GOBIN=$(CURDIR)/.bin go install honnef.co/go/tools/cmd/staticcheck@v0.7.0
	mv .bin/staticcheck $@

$(GOLANGCI):
	GOBIN=$(CURDIR)/.bin go install github.com/golangci/golangci-lint/v2/cmd/golangci-lint@v2.12.0
	mv .bin/golangci-lint $@
