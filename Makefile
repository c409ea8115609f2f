# The commands of this project. `make` lists them. Each installs what it needs.

export PATH := $(or $(CARGO_HOME),$(HOME)/.cargo)/bin:$(PATH)
TARGET := $(or $(CARGO_TARGET_DIR),target)

.PHONY: help run release dev test soak lab attack aarch64 confined fuzz-api bench figures text lighthouse screenshots lint ci

help: ## List these commands
	@awk -F ':.*## ' '/^[a-z0-9-]+:.*## / { printf "make %-11s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

run: ## Build the app and serve it at http://127.0.0.1:3000
	@scripts/setup run
	@echo "run: building; the first build takes 10 to 30 minutes, later ones take seconds"
	@cargo xtask all --bin coldbrew
	@echo "run: starting the server; press Ctrl-C to stop it"
	@exec $(TARGET)/debug/coldbrew serve

release: ## Build the optimized server and its site for deployment
	@scripts/setup run
	@cargo run --quiet --locked --package xtask -- all --release --locked --bin coldbrew

dev: ## Serve a development build and rebuild it on every change
	@scripts/setup run
	@cargo xtask dev

test: ## Run all tests: Rust tests, and browser tests against the real server
	@scripts/setup test
	@scripts/test

bench: ## Measure speed and memory; BENCHMARKS.md has the results
	@scripts/setup bench
	@cargo bench --locked --workspace --exclude xtask

figures: ## Measure how many hand-marked figures the detector finds
	@scripts/setup run
	@cargo bench --locked --quiet --package coldbrew-pdf --bench figures

text: ## Measure how well text, headings and tables of PDFs are read, beside other programs
	@scripts/setup text
	@cargo bench --locked --quiet --package coldbrew-pdf --bench text

soak: ## Kill servers and workers 500 times during jobs, and run for 24 hours in minutes: nothing is lost, and nothing is left
	@scripts/setup test
	@COLDBREW_SOAK_ROUNDS=500 COLDBREW_SOAK_HOURS=24 cargo test --locked --test tests -- --nocapture jobs::soak:: jobs::day::

lab: ## Break a cluster in network namespaces at random, and check that nothing is lost: make lab SEED=7 ROUNDS=20
	@scripts/setup test
	@cargo build --locked --bin coldbrew
	@end2end/lab/run $(TARGET)/debug/coldbrew --rounds $(or $(ROUNDS),20) $(if $(SEED),--seed $(SEED)) $(if $(FAULT),--only $(FAULT))

attack: release ## Send a release build expensive texts, and measure the effect on other requests
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

strings: ## Print every text of the web app and the error messages, to read them in one go
	@scripts/setup run
	@cargo xtask strings

fuzz-api: ## Send the API valid and invalid requests for ten minutes, generated from its OpenAPI document
	@scripts/setup test
	@cargo xtask all --bin coldbrew
	@end2end/api/run $(TARGET)/debug/coldbrew 600

lint: ## Check the formatting and run the lints, for the server and for the browser
	@scripts/setup test
	@scripts/lint

ci: ## Run the checks that a change must pass: lint and test
	@.ci/run
