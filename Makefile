.DEFAULT_GOAL := help
MODULES := $(shell git ls-files '*go.mod' | xargs -n1 dirname)
PACKAGES := ./policy,./retry,./breaker,./keyed,./pipeline,./fake,./ductilehttp
FLOOR := 95
FUZZTIME := 20s
BENCH := .
COUNT := 8
TIME := 200ms
MARGIN := 10%
LENGTH := 60s
BASE :=
ACCEPT :=

STATICCHECK := $(CURDIR)/.bin/staticcheck-v0.7.0
GOLANGCI := $(CURDIR)/.bin/golangci-lint-v2.12.0

.PHONY: help demo test lint cover bench bench-packages bench-smoke bench-check scaling load fuzz examples prove prove-386 prove-arm64 prove-mutation
help: ## list the targets
	@grep -E '^[a-z0-9-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/'

demo: ## take payments through the Stripe SDK while everything breaks
	cd examples && go run ./checkout

examples: ## run every example once
	@set -e; for m in examples/*/main.go; do (cd examples && go run ./$$(basename $$(dirname $$m))); done

load: ## 200 HTTP clients against a server that fails, hangs and recovers: LENGTH without a retry budget and LENGTH with; then a soak of LENGTH over every protocol and through real proxies
	cd examples && go run ./load -for $(LENGTH)

test: ## all tests of every module, with the race detector, shuffled
	@set -e; for m in $(MODULES); do (cd $$m && go test -race -shuffle=on ./...); done

lint: export GOLANGCI_LINT_CACHE := $(CURDIR)/.bin/golangci-cache
lint: export STATICCHECK_CACHE := $(CURDIR)/.bin/staticcheck-cache
lint: $(STATICCHECK) $(GOLANGCI) ## gofmt, go vet, staticcheck and golangci-lint
	@test -z "$$(gofmt -l .)" || { gofmt -l .; exit 1; }
	@set -e; for m in $(MODULES); do (cd $$m && go vet ./... && $(STATICCHECK) ./... && \
		$(GOLANGCI) run --config $(CURDIR)/.golangci.yml ./...); done

cover: ## coverage of the library packages by all tests; fails below FLOOR percent
	go test -coverpkg=$(PACKAGES) -coverprofile=.cover.out ./...
	@go tool cover -func=.cover.out | awk -v floor=$(FLOOR) '{ sub("%", "", $$NF) } $$NF+0 < 100 { print } \
		/^total:/ && $$NF+0 < floor+0 { print "coverage is below " floor " %"; exit 1 }'

bench: ## side by side with the peers: COUNT passes of TIME each over BENCH, into bench/RESULTS.md and bench/results.svg
	@mkdir -p .bench && rm -f .bench/pass-*.txt
	cd bench && go test -c -o $(CURDIR)/.bench/bench.test .
	@set -e; for i in $$(seq $(COUNT)); do echo "pass $$i of $(COUNT)"; .bench/bench.test -test.run '^$$' \
		-test.bench '$(BENCH)' -test.benchtime $(TIME) -test.timeout 0 > .bench/pass-$$i.txt; done
	cd bench && go run ./cmd/report -md RESULTS.md -svg results.svg \
		-command "make bench BENCH='$(BENCH)' COUNT=$(COUNT) TIME=$(TIME)" $(CURDIR)/.bench/pass-*.txt

bench-packages: ## the packages' own benchmarks: COUNT times TIME each of BENCH
	go test -run '^$$' -bench '$(BENCH)' -benchmem -count $(COUNT) -benchtime $(TIME) ./...

bench-smoke: ## every benchmark once, to see that it runs; writes nothing
	go test -run '^$$' -bench . -benchtime 1x ./...
	cd bench && go test -short -run '^$$' -bench . -benchtime 1x .

bench-check: COUNT := 6
bench-check: TIME := 50ms
bench-check: ## compares BENCH with the merge base, or BASE; fails on an allocation more, or on more than MARGIN of time
	cd bench && go run ./cmd/check -base '$(BASE)' -bench '$(BENCH)' -count $(COUNT) -time $(TIME) \
		-margin '$(MARGIN)' -accept '$(ACCEPT)' $(if $(SHORT),-short)

scaling: ## what a call writes to shared memory, and what calls cost with GOMAXPROCS 1 to 64; for docs/scaling.md
	cd proof && go test -count=1 -v -tags ductile_explore ./traffic
	cd bench && go test -run '^$$' -bench '(ClosedRow|ClosedWindow|ClosedCalls|FailingRow|FailingWindow|Rejecting)/lib=(ductile|gobreaker|mutex)$$/mode=parallel' \
		-cpu 1,2,4,8,16,32,64 -benchtime 60ms -count 3 .

fuzz: ## each fuzz target of every module for FUZZTIME
	cd proof && go run ./cmd/prove -only fuzz -fuzztime $(FUZZTIME)

prove: ## search for faults in every way there is, one table; SHORT=1 for a little of each, SEED to repeat
	cd proof && go run ./cmd/prove $(if $(SHORT),-short,-write RESULTS.md) $(if $(SEED),-seed $(SEED))

prove-386: ## the library's tests with 32-bit words
	GOARCH=386 CGO_ENABLED=0 go test -count=1 ./...

prove-arm64: ## the library's tests with weakly ordered memory; needs qemu-aarch64 elsewhere than on arm64
	GOARCH=arm64 CGO_ENABLED=0 go vet ./...
	GOARCH=arm64 CGO_ENABLED=0 go test -count=1 -p 1 $(if $(filter aarch64,$(shell uname -m)),,-exec qemu-aarch64) ./...

prove-mutation: ## change the library one thing at a time and see that a test fails
	cd proof && go run ./cmd/prove -only mutation

$(STATICCHECK):
	GOBIN=$(CURDIR)/.bin go install honnef.co/go/tools/cmd/staticcheck@v0.7.0
	mv .bin/staticcheck $@

$(GOLANGCI):
	GOBIN=$(CURDIR)/.bin go install github.com/golangci/golangci-lint/v2/cmd/golangci-lint@v2.12.0
	mv .bin/golangci-lint $@
