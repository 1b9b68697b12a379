# Every target is one line; what needs more lines has a file of its own.
# A system OpenSSL with headers is linked when there is one; otherwise it is built from the crate `openssl-src`.
export OPENSSL_NO_VENDOR := $(shell pkg-config --exists 'openssl >= 3' 2>/dev/null && echo 1)
ifeq ($(OPENSSL_NO_VENDOR),)
unexport OPENSSL_NO_VENDOR
endif

.PHONY: demo test soak interop keycloak oidf-target bench bench-size lint deny

demo: ; cargo run --quiet --bin actas -- demo

test: lint ; .ci/with-postgres .ci/suites

soak: ; ACTAS_TEST_RACES=100000 .ci/with-postgres cargo test --workspace --test contract -- soak:: --nocapture && ACTAS_TEST_KILLS=200 .ci/with-postgres cargo test --workspace --test crash -- kills points --nocapture

interop: ; cargo test --workspace --no-run --quiet && conformance/interop/run

keycloak: ; cargo test --workspace --no-run --quiet && conformance/interop/keycloak-run

# ARGUMENTS="--listen 0.0.0.0:8443 --host host.docker.internal" for a suite in a container. Prints the plan, and nothing else.
oidf-target: ; @cargo run --quiet --bin actas -- oidf-target $(ARGUMENTS)

bench: ; cargo bench -p server --bench exchange --no-run && ACTAS_TEST_FSYNC=on .ci/with-postgres cargo bench -p server --bench exchange

# ARGUMENTS="--records 10000000 --delegations 1000000" for a long life: an hour, and 40 GB on the disk.
bench-size: ; .ci/with-postgres cargo bench --workspace --bench size -- $(ARGUMENTS)

lint: ; cargo fmt --all --check && cargo clippy --workspace --all-targets -- -D warnings

deny: ; command -v cargo-deny >/dev/null || cargo install --locked cargo-deny && cargo deny check bans licenses sources
