# What can be made; `make help` lists it.

VERSION  := $(shell git describe --tags --always --dirty 2>/dev/null || echo unknown)
FUZZTIME ?= 30s
SEED     ?= 0
BENCH    ?=
DEMO     ?=
SOAK     ?= 1h

.PHONY: help demo build package test lint vulncheck deps bench microbench fuzz chaos cluster mutants soak foreign compat model gremlins

help: ## List the targets
	@sed -n 's/^\([a-z]*\):.*## /\1\t/p' $(MAKEFILE_LIST) | expand -t 10

demo: ## Show a whole job, on nothing but Go; DEMO=-keep leaves it running, DEMO=-mariadb
	@go run ./cmd/demo $(DEMO)

build: ## Make bin/pushd: static, stripped, with its version
	CGO_ENABLED=0 go build -trimpath -ldflags '-s -w -X main.release=$(VERSION)' -o bin/pushd ./cmd/pushd

package: ## Make dist/: .deb, .rpm, SBOM, checksums; then install them in a throw-away root (Debian, root); ARCH=arm64 for others
	@.ci/package
	go -C tools/package test -count 1 ./...

test: ## Install what is missing (Debian, root), then run everything with the race detector
	@.ci/test

lint: ## Hold the code to the rules that .ci/lint lists, with a reason for each
	@.ci/lint

vulncheck: ## Look for known vulnerabilities in what pushd links; wants the network
	@.ci/vulncheck

deps: ## Look for what the tests need beside Go
	@.ci/deps

bench: ## Measure pushd from outside, about an hour; BENCH="cpu rate" picks rows
	go run ./internal/bench $(BENCH)

microbench: ## Run the packages' own benchmarks
	go test -run '^$$' -bench . -benchmem -timeout 30m ./...

fuzz: ## Run each fuzz target for FUZZTIME (30s)
	@grep -rho --include='*_test.go' '^func Fuzz[A-Za-z]*' . | cut -c6- | sort | while read -r name; do \
	  dir=$$(dirname "$$(grep -rl --include='*_test.go' "^func $$name(" . | head -n 1)"); \
	  go test -run '^$$' -fuzz "^$$name$$" -fuzztime '$(FUZZTIME)' "$$dir" || exit 1; \
	done

chaos: deps ## Kill and hamper the real program at full length, and write docs/reliability.md; SEED=n replays
	go test ./internal/crashtest -run 'Test(Crash|History)$$' -v -count 1 -timeout 60m -crash.long -crash.seed '$(SEED)' -crash.table ../../docs/reliability.md

cluster: deps ## Three nodes of Galera, three pushd, and what may happen to them, about half an hour; writes docs/reliability.md
	go test ./internal/clustertest -v -count 1 -timeout 60m -cluster.long -cluster.table ../../docs/reliability.md

soak: ## Simulate worlds that nobody has seen before for SOAK (1h); a seed that fails is shrunk and printed; SEED=n replays it
	cd internal/fanout && go test -count 1 -timeout 0 $(if $(filter-out 0,$(SEED)),-run 'TestSimulation$$' -sim.seed '$(SEED)' -v,-run 'TestSimulation_Fresh$$' -sim.for '$(SOAK)')

mutants: deps ## Show for each of many mistakes the test that notices it; MUTANT=name picks some
	go run ./internal/mutants -only '$(MUTANT)'

foreign: ## Let clients that others wrote judge the simulated WeChat, npm's too
	go test ./internal/wechatsim/foreign -tags foreign -count 1

compat: ## Run what depends on the database on MySQL 5.6, the oldest that is supported; wants npm
	@.ci/compat

model: ## Look at every state of a model of one job, and see the wrong models fail (Spin)
	@docs/model/check.sh

gremlins: deps ## Count which small changes to the code the tests notice, hours; GREMLINS="api store" picks packages
	@.ci/gremlins $(GREMLINS)
