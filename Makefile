.DEFAULT_GOAL := help
MODULES := $(shell git ls-files '*go.mod' | xargs -n1 dirname)
PACKAGES := ./policy,./retry,./breaker,./keyed,./pipeline,./bulkhead,./internal/gate,./adaptive,./ratelimit,./throttle,./hedge,./cache,./cache/cachetest,./chaos,./observe,./coalesce,./fake,./ductilehttp,./console,./sim,./sim/questions,./sim/scenarios,./internal/chart,./internal/report,./registry
STATICCHECK := $(CURDIR)/.bin/staticcheck-v0.7.0
GOLANGCI := $(CURDIR)/.bin/golangci-lint-v2.12.0

BELOW :=
PAGE :=
WHAT := peers
BENCH := .
COUNT := 8
TIME := 200ms
MARGIN := 10%
BASE :=
ACCEPT :=
FLOOR := 95
RACE :=
BENCHES :=
FUZZTIME := 20s
LENGTH := 60s
ONLY :=
SEED :=
SHORT :=
VERSION :=
NTH :=
WRITE := RESULTS.md

.PHONY: help demo examples load storm shots test lint linters staticcheck workspace cover bench bench-check curves prove fuzz ductile ci nightly release-check

help: ## list the targets and their parameters
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "%-15s%s\n", $$1, $$2 } \
		/^#: / { sub(/^#: /, ""); printf "%17s%s\n", "", $$0 }' $(MAKEFILE_LIST)

demo: ## take payments through the Stripe SDK while everything breaks
#: BELOW=1   with the policies below the SDK instead of above it
#: PAGE=1    outages in a loop, with a page that shows them, until interrupted
	cd examples && go run ./checkout $(if $(BELOW),-below) $(if $(PAGE),-page)

examples: ## run every example once, the checkout in both ways
#: RACE=1   with the race detector
	@rm -rf .bin/examples && mkdir -p .bin/examples
	cd examples && go build $(if $(RACE),-race) -o ../.bin/examples/ ./...
	@set -e; cd examples; for m in */main.go; do echo "== $$(dirname $$m)"; ../.bin/examples/$$(dirname $$m); done
	cd examples && ../.bin/examples/checkout -below

load: ## 200 HTTP clients against a server that fails, hangs and recovers
#: LENGTH=60s   of each part: without a retry budget, with one, and over every protocol
	cd examples && go run ./load -for $(LENGTH)

storm: ## 10,000 transitions a second while 16 pages of the console are open
#: LENGTH=60s   for how long
	go test -count=1 -v -run 'TestAStorm' ./console -storm $(LENGTH)

shots: ## take the pictures of docs/console.md and docs/simulator.md anew
	cd console/browsertest && DUCTILE_SHOTS=$(CURDIR)/docs/images go test -count=1 -run 'TestThePageOfAShop' .
	cd sim/reporttest && DUCTILE_SHOTS=$(CURDIR)/docs/images go test -count=1 -run 'TestThePictures' .

# Two modules at a time use two cores better than one whose last test is long; the largest
# begin. What both import is built before, since each would build it. The output of a module
# is printed when it is whole. make lint vets the tests.
test: LARGEST = . proof
test: ## all tests of every module, with the race detector, shuffled
	@go list -race -test -deps -export ./... >/dev/null 2>&1 || true # go test says what does not compile
	@printf '%s\n' $(LARGEST) $(filter-out $(LARGEST),$(MODULES)) | xargs -P 2 -n 1 sh -c \
		'output=$$(cd "$$0" && go test -race -shuffle=on -vet=off -timeout 30m ./... 2>&1); failed=$$?; printf "%s\n" "$$output"; exit $$failed'

# One workspace has all modules, so that what they share is checked once. With -race, the
# packages that the linter imports are those that make test has built.
lint staticcheck: export GOLANGCI_LINT_CACHE := $(CURDIR)/.bin/golangci-cache
lint staticcheck: export STATICCHECK_CACHE := $(CURDIR)/.bin/staticcheck-cache
lint staticcheck: export GOWORK := $(CURDIR)/.bin/lint/go.work
lint staticcheck: EVERYTHING = $(patsubst ././%,./%,$(MODULES:%=./%/...))
lint: $(GOLANGCI) workspace ## gofmt, and golangci-lint with the analyzers of go vet and staticcheck
	@test -z "$$(gofmt -l .)" || { gofmt -l .; exit 1; }
	GOFLAGS="$$GOFLAGS -race" $(GOLANGCI) run $(EVERYTHING)

staticcheck: $(STATICCHECK) workspace ## go vet and staticcheck by themselves
	go vet $(EVERYTHING)
	$(STATICCHECK) $(EVERYTHING)

workspace:
	@rm -rf .bin/lint && mkdir -p .bin/lint && GOWORK=$(CURDIR)/.bin/lint/go.work go work init $(MODULES:%=./%)

linters: $(GOLANGCI) ## build golangci-lint, as make lint does if it is missing

cover: ## coverage of the library by the tests of the root module
#: FLOOR=95     fail below this percentage
#: BENCHES=1x   run the packages' benchmarks too, without a build of their own
	go test -coverpkg=$(PACKAGES) -coverprofile=.cover.out $(if $(BENCHES),-bench . -benchtime $(BENCHES)) ./...
	@go tool cover -func=.cover.out | awk -v floor=$(FLOOR) '{ sub("%", "", $$NF) } $$NF+0 < 100 { print } \
		/^total:/ && $$NF+0 < floor+0 { print "coverage is below " floor " %"; exit 1 }'

bench: ## benchmarks
#: WHAT=peers      beside other libraries, into bench/RESULTS.md and bench/results.svg
#: WHAT=packages   of the packages themselves
#: WHAT=smoke      every benchmark once, to see that it runs; SHORT=1: those beside peers
#: WHAT=scaling    shared memory and GOMAXPROCS 1 to 64, for docs/scaling.md
#: BENCH=. COUNT=8 TIME=200ms   which, how many passes, how long each
	@BENCH='$(BENCH)' COUNT='$(COUNT)' TIME='$(TIME)' SHORT='$(SHORT)' .ci/bench $(WHAT)

bench-check: COUNT := 6
bench-check: TIME := 50ms
bench-check: ## compare benchmarks with the merge base
#: MARGIN=10%   fail if a benchmark is slower by more, or allocates more
#: BENCH=. COUNT=6 TIME=50ms BASE=commit ACCEPT=benchmarks SHORT=1
	cd bench && go run ./cmd/check -base '$(BASE)' -bench '$(BENCH)' -count $(COUNT) -time $(TIME) \
		-margin '$(MARGIN)' -accept '$(ACCEPT)' $(if $(SHORT),-short)

curves: ## draw the simulated limits of docs/adaptive.md
	go run ./adaptive/internal/curves docs/curves

prove: ## search for faults in every way there is, into proof/RESULTS.md
#: SHORT=1   a little of most, written nowhere
#: ONLY=storm,386,arm64,mutation   only some, written nowhere
#: SEED=7    repeat a search
#: NTH=20    every twentieth mutant, and a twentieth of the schedules
#: WRITE=    write the whole run nowhere
	cd proof && go run ./cmd/prove $(if $(SHORT),-short) $(if $(ONLY),-only '$(ONLY)') \
		$(if $(SHORT)$(ONLY),,$(if $(WRITE),-write '$(WRITE)')) $(if $(SEED),-seed $(SEED)) $(if $(NTH),-nth $(NTH))

fuzz: ## every fuzz target of every module
#: FUZZTIME=20s   of each target
	cd proof && go run ./cmd/prove -only fuzz -fuzztime $(FUZZTIME)

ductile: ## build the command that checks and explains configuration, as .bin/ductile
	go -C cmd/ductile build -o $(CURDIR)/.bin/ductile .

ci: ## everything that a change must pass
	.ci/run

nightly: ## what takes hours: repeated tests, long loads and storms, whole searches
	.ci/nightly

release-check: ## check that a version can be tagged
#: VERSION=v0.1.0   of the root module and all nested modules
	cd proof && go run ./cmd/release -version '$(VERSION)' -cache $(CURDIR)/.bin/release-cache

$(STATICCHECK):
	GOBIN=$(CURDIR)/.bin go install honnef.co/go/tools/cmd/staticcheck@v0.7.0
	mv .bin/staticcheck $@

$(GOLANGCI):
	GOBIN=$(CURDIR)/.bin go install github.com/golangci/golangci-lint/v2/cmd/golangci-lint@v2.12.0
	mv .bin/golangci-lint $@
