# Short names for what is done often. .ci/run is what decides.
.PHONY: build fmt lint test bench golden ci demo

build:
	go build -trimpath -o gh-deployctl .

fmt: .tools/bin/golangci-lint
	.tools/bin/golangci-lint fmt

lint: .tools/bin/golangci-lint
	.tools/bin/golangci-lint run ./...

test:
	go test ./...

# The budgets of the console, as benchmarks.
bench:
	go test -run '^$$' -bench . -benchmem ./...

# Writes the golden files and the generated pages of docs/ anew; read the diff.
golden:
	@packages=$$(grep -rlE --include='*_test.go' '"update"|exp/golden' . | xargs -n1 dirname | sort -u) && \
	go test $$packages -update

ci:
	.ci/run

demo:
	go run . demo

.tools/bin/golangci-lint:
	GOBIN=$(CURDIR)/.tools/bin CGO_ENABLED=0 go install \
		github.com/golangci/golangci-lint/v2/cmd/golangci-lint@$$(sed -n 's/^readonly golangci_version=//p' .ci/run)
