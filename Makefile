# Every target can be run alone: it makes what it needs first. "make" tells what there is.
SHELL := bash
.SHELLFLAGS := -eo pipefail -c
.DEFAULT_GOAL := help

export PATH := $(CURDIR)/.bin:$(PATH)
MODULES := proto services tools
TOOLS := .bin/.stamp
LIBCHDB := tools/chdb/node_modules/.stamp
SNIPPET := tools/snippet/node_modules/.stamp
KAFKA_LIBS := deploy/kafka/libs/.stamp
TESTS ?= work
TESTFLAGS ?=
# Tests on data that lie elsewhere are there only where the data are named.
DATA := $(if $(WAYSTAGE_REAL_DATA),realdata,) $(if $(WAYSTAGE_FUNNEL_CASES),cases,)
BENCH ?= .
BENCHFLAGS ?=

.PHONY: help
help: ## print the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "%-12s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

.PHONY: deps
deps: $(if $(WAYSTAGE_LIBCHDB),,$(LIBCHDB)) $(SNIPPET) ## install the SDK for pages, and libchdb, unless WAYSTAGE_LIBCHDB names one
$(LIBCHDB) $(SNIPPET): tools/%/node_modules/.stamp: tools/%/package-lock.json
	npm ci --prefix tools/$* --no-audit --no-fund
	touch $@

.PHONY: tools
tools: $(TOOLS) ## build the developer tools pinned in tools/pin into .bin
$(TOOLS): tools/pin/go.mod tools/pin/go.sum
	GOWORK=off GOBIN=$(CURDIR)/.bin go -C tools/pin install tool
	touch $@

.PHONY: generate
generate: tools ## write all generated files anew: messages, OpenAPI, what go:generate names
	rm -rf proto/gen/waystage .bin/openapi
	cd proto && buf generate
	openapiv3-merge proto/openapi.base.json \
	    $$(find .bin/openapi -name '*.json' | sort) > .bin/merged.json
	go run ./tools/openapi < .bin/merged.json > proto/gen/openapi/waystage.json
	go generate $(MODULES:%=./%/...)

.PHONY: fmt
fmt: tools ## format the code
	gofumpt -w $(MODULES)
	cd proto && for f in $$(find waystage -name '*.proto'); do buf format -w --path $$f; done

.PHONY: lint
lint: tools ## check style and the messages
	cd proto && buf lint
	for m in $(MODULES); do (cd $$m && golangci-lint run ./...); done
	for m in services tools; do \
	    (cd $$m && golangci-lint run --build-tags e2e,integration,realdata,cases ./...); done

.PHONY: test
test: deps ## run all tests that need no broker; in CI a skipped test is a failure
	go test -json -race -shuffle=on -timeout 30m $(TESTFLAGS) $(TESTS) \
	    | go run ./tools/testsum $(if $(CI),-no-skips)

.PHONY: e2e
e2e: deps tools ## try the command as a user does, real SDKs and BI tools (node, chromium, python3), WAYSTAGE_REAL_DATA
	{ go test -json -tags e2e -timeout 20m $(TESTFLAGS) ./tools/e2e/... ; \
	    go test -json -tags 'e2e $(DATA)' -run 'RealLog|Cases|Away' -timeout 30m \
	        $(TESTFLAGS) ./services/internal/spinetest; } \
	    | go run ./tools/testsum $(if $(CI),-no-skips)

.PHONY: integration
integration: deps kafka-libs ## run the tests that need a real Kafka broker (java, mvn)
	{ go test -json -race -shuffle=on -tags integration -timeout 30m $(TESTFLAGS) \
	        ./services/internal/stream/... ; \
	    go test -json -tags 'integration $(DATA)' -run 'RealLog|Cases|Away' -timeout 30m \
	        $(TESTFLAGS) ./services/internal/spinetest; } \
	    | go run ./tools/testsum $(if $(CI),-no-skips)

.PHONY: kafka-libs
kafka-libs: $(KAFKA_LIBS) ## fetch the broker's jars into deploy/kafka/libs
$(KAFKA_LIBS): deploy/kafka/pom.xml
	@for c in java mvn; do command -v $$c > /dev/null || { \
	    echo "$$c is missing: install a JDK of 17 or newer and Maven"; exit 1; }; done
	mvn -q -f deploy/kafka/pom.xml dependency:copy-dependencies -DoutputDirectory=libs
	touch $@

.PHONY: bench
bench: deps ## measure: the benchmarks of the hot paths, then the whole
	go test -run '^$$' -bench '$(BENCH)' -benchmem $(TESTS)
	go run ./tools/bench

.PHONY: bench-query
bench-query: deps ## measure questions beside windowFunnel and the scan limit (BENCHFLAGS=-touchpoints=100000000)
	go run ./tools/bench query $(BENCHFLAGS)

.PHONY: bench-ingest
bench-ingest: deps kafka-libs ## measure ingest beside a bare server, on a real broker (java, mvn)
	go run ./tools/bench/ingest $(BENCHFLAGS)

.PHONY: modules
modules: ## build and vet each module alone, as those who import it do
	for m in $(MODULES); do (cd $$m && GOWORK=off go build ./... && GOWORK=off go vet ./...); done

.PHONY: up
up: deps ## start the whole pipeline on this machine (DEMO=grocery, airline or tiles; UPFLAGS)
	go run ./tools/waystage up $(if $(DEMO),--demo $(DEMO)) $(UPFLAGS)

.PHONY: clean
clean: ## remove everything that was built or fetched, and the data of "up"
	rm -rf .bin .data deploy/kafka/libs tools/chdb/node_modules tools/snippet/node_modules
