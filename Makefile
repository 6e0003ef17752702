# `make` prints the targets. Everything here is plain Go; CGO is off except for
# the race detector, which needs it.

export CGO_ENABLED := 0
FUZZTIME ?= 30s
PYTHON ?= python3
WORK ?= work
PLATFORMS := linux/amd64 linux/arm64 darwin/amd64 darwin/arm64 windows/amd64 windows/arm64
TOOL := go tool -modfile=tools/go.mod

.DEFAULT_GOAL := help
.PHONY: help build test arm64 race cover lint fuzz vulncheck bench golden generate licenses model-card cross reproducible smoke study clean

help: ## print this help
	@grep -E '^[a-z0-9-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/^([a-z0-9-]+):.*## /  \1\t/' | expand -t 16

build: ## build ./zipar for this machine
	go build -o zipar ./cmd/zipar

test: ## run all tests, those that need Python included
	@scripts/test

arm64: ## check the arm64 kernels and the golden files under qemu
	@scripts/arm64.sh

# A process under the detector waits a second at its end by default, for races of other threads; the tests start hundreds.
race: ## run the tests under the race detector, outside the kernels
	GORACE=atexit_sleep_ms=0 CGO_ENABLED=1 go test -race $$(go list ./... | grep -v /internal/tensor$$)
	CGO_ENABLED=1 go test -race -run 'Pool' ./internal/tensor

cover: ## want the coverage of scripts/coverage_floor.txt
	@scripts/coverage.sh

lint: ## gofmt, go vet, staticcheck; the layer rule is a test, internal/layers
	@test -z "$$(gofmt -l $$(git ls-files '*.go'))" || { gofmt -l $$(git ls-files '*.go'); echo "run gofmt -w on these"; exit 1; }
	go vet ./...
	$(TOOL) staticcheck ./...

fuzz: ## run every fuzzer for FUZZTIME (30s) and write what each did to fuzz-record.md
	@FUZZTIME=$(FUZZTIME) scripts/fuzz.sh

vulncheck: ## look for known weaknesses in what is used; says so where it cannot
	@scripts/vulncheck.sh

bench: ## run the kernels' benchmarks
	go test -run '^$$' -bench . ./internal/tensor

golden: ## how to make the golden files again (needs PyTorch and the official code)
	@sed -n '/## Making them again/,$$p' testdata/golden/README.md

generate: ## write the assembly kernels again, byte for byte
	cd internal/tensor/_gen && go run .

licenses: ## collect the licences of the modules again
	go test ./internal/licenses -update

model-card: build ## measure the built-in model anew and write docs/model-card.md (WORK=folder of its training, PYTHON=with its packages)
	$(PYTHON) scripts/train/card.py --work $(WORK) --model $(WORK)/zipar-emoji-q8_0.gguf --model-f32 $(WORK)/zipar-emoji-f32.gguf \
	  --zipar ./zipar --out docs/model-card.md

cross: ## build for linux, darwin and windows on amd64 and arm64 into dist/
	@for p in $(PLATFORMS); do \
	  os=$${p%/*}; arch=$${p#*/}; ext=; test $$os = windows && ext=.exe; \
	  echo "$$p"; GOOS=$$os GOARCH=$$arch go build -trimpath -o dist/zipar-$$os-$$arch$$ext ./cmd/zipar || exit 1; \
	done

reproducible: ## build the commit twice for all platforms and want the same bytes
	@scripts/reproducible.sh

smoke: ## run every command on a tiny random model in a scratch folder
	@scripts/smoke.sh

study: build ## measure the windows of the built-in model anew and write docs/zipar-study.md (WORK=folder of its training, PYTHON=with NumPy and Pillow)
	$(PYTHON) scripts/study.py --zipar ./zipar --model $(WORK)/zipar-emoji-q8_0.gguf \
	  --model-f32 $(WORK)/zipar-emoji-f32.gguf --model-f16 $(WORK)/zipar-emoji-f16.gguf

clean: ## remove what was built
	rm -rf zipar dist coverage.out fuzz-record.*
