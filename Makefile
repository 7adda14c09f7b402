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

# Every budget of the program and what it keeps of it, in one table. It takes
# some minutes (one section: go test ./cmd -budgets -v -run TestBudgets/start);
# the benchmarks alone are go test -run '^$$' -bench . ./...
bench:
	@go test -count=1 -timeout 90m -run '^TestBudgets$$' -v ./cmd -budgets

# Writes the golden files and the generated pages of docs/ anew; read the diff.
golden:
	@packages=$$(grep -rlE --include='*_test.go' 'flag.Bool\("update"|exp/golden' . | xargs -n1 dirname | sort -u) && \
	go test $$packages -update

ci:
	.ci/run

demo:
	go run . demo

.tools/bin/golangci-lint:
	GOBIN=$(CURDIR)/.tools/bin CGO_ENABLED=0 go install \
		github.com/golangci/golangci-lint/v2/cmd/golangci-lint@$$(sed -n 's/^readonly golangci_version=//p' .ci/run)
