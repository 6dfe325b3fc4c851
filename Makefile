# The targets of everyday work. Each does all of its own set-up.

.DEFAULT_GOAL := help
.PHONY: help demo test chaos bench primitives lint fmt docs fuzz

help: ## list these targets
	@sed -n 's/^\([a-z]*\):.*## /\1\t/p' $(MAKEFILE_LIST) | expand -t 8

demo: ## a real chain, a small fleet, fresh relays, a settled claim; KEEP=1 leaves it running
	@scripts/demo

test: ## the whole gate: lints, generated files, all tests against real servers
	@scripts/test

chaos: ## everything fails again and again for half an hour and more, by seeds; CHAOS_SEEDS=7 plays one seed again
	@scripts/chaos

bench: ## what a relay costs: a release build under load, with targets and verdicts; OPTIONS="--relays 1000000" for the long one
	@scripts/bench $(OPTIONS)

primitives: ## benchmarks of the pure modules
	cargo bench --workspace

lint: ## clippy and formatting, as the gate wants them
	cargo fmt --all --check
	cargo clippy --workspace --all-targets -- -D warnings

fmt: ## format all Rust and Go sources
	cargo fmt --all
	gofmt -w tests/testbed/chain

docs: ## the API documentation, in target/doc
	RUSTDOCFLAGS="-D warnings" cargo doc --workspace --no-deps

fuzz: ## every fuzz target for FUZZ_SECONDS (60); needs a nightly toolchain
	@scripts/fuzz
