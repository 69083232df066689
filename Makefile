.DEFAULT_GOAL := help
MODULES := $(shell git ls-files '*go.mod' | xargs -n1 dirname)

.PHONY: help demo test lint
help: ## list the targets
	@grep -E '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/'

demo: ## take payments through the Stripe SDK while everything breaks
	cd examples && go run ./checkout

test: ## all tests of every module, with the race detector, shuffled
	@set -e; for m in $(MODULES); do (cd $$m && go test -race -shuffle=on ./...); done

STATICCHECK := $(CURDIR)/.bin/staticcheck-v0.7.0

lint: $(STATICCHECK) ## gofmt, go vet and staticcheck
	@test -z "$$(gofmt -l .)" || { gofmt -l .; exit 1; }
	@set -e; for m in $(MODULES); do (cd $$m && go vet ./... && $(STATICCHECK) ./...); done

$(STATICCHECK):
	GOBIN=$(CURDIR)/.bin go install honnef.co/go/tools/cmd/staticcheck@v0.7.0
	mv .bin/staticcheck $@
