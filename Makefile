# The commands of this project. `make` alone lists them; each installs what it lacks and needs no other step.

export PATH := $(or $(CARGO_HOME),$(HOME)/.cargo)/bin:$(PATH)
TARGET := $(or $(CARGO_TARGET_DIR),target)

.PHONY: help run release dev test soak attack aarch64 confined fuzz-api bench figures lighthouse screenshots lint ci

help: ## List these commands
	@awk -F ':.*## ' '/^[a-z0-9-]+:.*## / { printf "make %-11s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

run: ## Build the app and serve it at http://127.0.0.1:3000
	@scripts/setup run
	@echo "run: building; the first time this takes 10 to 30 minutes, later seconds"
	@cargo xtask all --bin coldbrew
	@echo "run: starting the server; Ctrl-C ends it"
	@exec $(TARGET)/debug/coldbrew serve

release: ## Build the server and its site as they are to be put on a machine for others
	@scripts/setup run
	@cargo run --quiet --locked --package xtask -- all --release --locked --bin coldbrew

dev: ## Serve a development build and rebuild it on every change
	@scripts/setup run
	@cargo xtask dev

test: ## Run every test: Rust's, and the browser's against the real server
	@scripts/setup test
	@scripts/test

bench: ## Measure speed and memory; BENCHMARKS.md says what came of it
	@scripts/setup bench
	@cargo bench --locked --workspace --exclude xtask

figures: ## Say how many of the figures that a person marked are found
	@scripts/setup run
	@cargo bench --locked --quiet --package coldbrew-pdf --bench figures

soak: ## Kill servers and workers at random 500 times while documents flow, and check that nothing is lost
	@scripts/setup test
	@COLDBREW_SOAK_ROUNDS=500 cargo test --locked --test tests -- --nocapture jobs::soak::

attack: release ## Attack a release build with expensive texts, and measure what other callers notice
	@end2end/attacks/run $(TARGET)/release/coldbrew

aarch64: ## Build the server for Linux on aarch64 and send it a document, under qemu on another machine
	@scripts/aarch64

confined: ## Send a document to a server that is confined as deploy/coldbrew.service says
	@scripts/setup test
	@cargo xtask all --bin coldbrew
	@printf '#!/bin/sh\nexec "%s/scripts/confined" "%s/debug/coldbrew" "$$@"\n' "$(CURDIR)" "$(abspath $(TARGET))" >$(TARGET)/confined
	@chmod +x $(TARGET)/confined
	@COLDBREW_SERVER=$(abspath $(TARGET))/confined npm --prefix end2end run --silent smoke

lighthouse: release ## Check what a first visit weighs, and what Lighthouse says of the pages that visitors get
	@scripts/setup test
	@COLDBREW_SERVER=$(abspath $(TARGET))/release/coldbrew npm --prefix end2end run --silent lighthouse

screenshots: ## Take a picture of every screen and state, phone and desktop, light and dark, into end2end/screenshots
	@scripts/setup test
	@cargo xtask all --bin coldbrew
	@COLDBREW_SERVER=$(abspath $(TARGET))/debug/coldbrew npm --prefix end2end run --silent screenshots

fuzz-api: ## Ask the API for ten minutes for everything that its description allows and forbids
	@scripts/setup test
	@cargo xtask all --bin coldbrew
	@end2end/api/run $(TARGET)/debug/coldbrew 600

lint: ## Check the formatting and run the lints, for the server and for the browser
	@scripts/setup test
	@scripts/lint

ci: ## What a change must pass: lint and test
	@.ci/run
