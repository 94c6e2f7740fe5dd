# make help lists the targets.
CORPUS ?= $(MAILCONV_CORPUS)
GO ?= go
export MAILCONV_CORPUS := $(if $(CORPUS),$(abspath $(CORPUS)),)
export MAILCONV_RECORDINGS := $(if $(MAILCONV_RECORDINGS),$(abspath $(MAILCONV_RECORDINGS)),)
export MAILCONV_REFERENCE := $(if $(MAILCONV_REFERENCE),$(abspath $(MAILCONV_REFERENCE)),)
FUZZTIME ?= 10m
TOOL = $(GO) tool -modfile=tools/go.mod

.PHONY: help build test test-race test-deps test-long test-stores test-stores-short cross bench fuzz fuzz-short lint generate

help: ## list the targets
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed 's/:.*## /\t/' | expand -t 14

build: ## the static program, as ./mailconv
	CGO_ENABLED=0 $(GO) build -trimpath -tags urfave_cli_no_docs -ldflags='-s -w' -o mailconv ./cmd/mailconv

test: ## all tests; what is not installed is left out, loudly
	@scripts/left-out
	$(GO) vet ./...
	$(GO) test -timeout 30m ./...

test-race: ## the same under the race detector
	MAILCONV_CORPUS= MAILCONV_RECORDINGS= $(GO) test -race -short -timeout 30m ./...

test-deps: ## install the Debian packages that the integration tests use (needs root)
	scripts/test-deps

test-long: ## tests that wait in real time: a server that stalls for 40 seconds
	MAILCONV_LONG=1 $(GO) test -run FortySeconds -v ./transport/imap

test-stores: ## copies between all kinds of stores: kills, full disks, chains; the long form
	scripts/kill-test 100 maildir mbox dir imap
	scripts/kill-test 50 cyrus pop3 pst msg tombox
	scripts/pairs-test
	scripts/chain-test 20000
	scripts/disk-test

test-stores-short: ## the same in a minute or two
	scripts/kill-test 6
	scripts/chain-test 1000
	scripts/disk-test

cross: ## build and vet for every supported system
	scripts/cross

bench: build ## ratios against the physical limit; needs CORPUS=
	bench/run

fuzz: ## every fuzz target for FUZZTIME each
	scripts/fuzz $(FUZZTIME)

fuzz-short: ## every fuzz target for a few seconds
	scripts/fuzz 3s

lint: ## gofumpt, vet, staticcheck
	@out=$$($(TOOL) gofumpt -l $$(git ls-files '*.go' | grep -v _gen.go)); test -z "$$out" || { echo "not gofumpt-ed:"; echo "$$out"; exit 1; }
	$(GO) vet ./...
	$(TOOL) staticcheck ./...

generate: ## write generated files again
	$(GO) generate ./...
