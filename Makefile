# Every target is one line; what needs more lines has a file of its own.
# A system OpenSSL with headers is linked when there is one; otherwise it is built from the crate `openssl-src`.
export OPENSSL_NO_VENDOR := $(shell pkg-config --exists 'openssl >= 3' 2>/dev/null && echo 1)
ifeq ($(OPENSSL_NO_VENDOR),)
unexport OPENSSL_NO_VENDOR
endif

.PHONY: demo test soak model interop keycloak oidf-target specification bench bench-overload bench-steps bench-size mutation report fuzz vectors mutants lint deny

demo: ; cargo run --quiet --bin actas -- demo

test: lint ; .ci/with-postgres .ci/suites

soak: ; ACTAS_TEST_RACES=100000 .ci/with-postgres cargo test --workspace --test contract -- soak:: --nocapture && ACTAS_TEST_KILLS=200 .ci/with-postgres cargo test --workspace --test crash -- kills points --nocapture

interop: ; cargo test --workspace --no-run --quiet && conformance/interop/run

keycloak: ; cargo test --workspace --no-run --quiet && conformance/interop/keycloak-run

# ARGUMENTS="--listen 0.0.0.0:8443 --host host.docker.internal" for a suite in a container. Prints the plan, and nothing else.
oidf-target: ; @cargo run --quiet --bin actas -- oidf-target $(ARGUMENTS)

report: ; ACTAS_TEST_WRITE_REPORT=1 cargo test --quiet --workspace --test report

# SECONDS=600 for longer, of each of the targets; the corpus stays below target/fuzz and grows.
fuzz: ; server/fuzz/run $(or $(SECONDS),60) && ACTAS_TEST_REPORT=1 cargo test --quiet --workspace --test fuzz_section

specification: ; ACTAS_TEST_REPORT=1 cargo test --workspace --test specification

# Half a million steps on each database: hours. ACTAS_TEST_STEPS=20000 for a first look.
model: ; ACTAS_TEST_REPORT=1 ACTAS_TEST_STEPS=$${ACTAS_TEST_STEPS:-500000} .ci/with-postgres cargo test --release --workspace --test model -- --nocapture

bench: ; cargo bench -p server --bench exchange --no-run && ACTAS_TEST_FSYNC=on .ci/with-postgres cargo bench -p server --bench exchange -- $(ARGUMENTS)

# ARGUMENTS="--report" keeps the figures for conformance/REPORT.md; "--minutes 0.2 --rounds 1" for a look.
bench-overload: ; cargo bench -p server --bench exchange --no-run && ACTAS_TEST_FSYNC=on .ci/with-postgres cargo bench -p server --bench exchange -- overload $(ARGUMENTS)

bench-steps: ; cargo bench -p server --bench steps --no-run && ACTAS_TEST_REPORT=1 ACTAS_TEST_FSYNC=on .ci/with-postgres cargo bench -p server --bench steps

# ARGUMENTS="--records 10000000 --delegations 1000000" for a long life: an hour, and 40 GB on the disk.
bench-size: ; .ci/with-postgres cargo bench --workspace --bench size -- $(ARGUMENTS)

# ARGUMENTS are variables: ACTAS_TEST_REQUESTS=20000 for a short look, ACTAS_TEST_SEED=… for one case.
mutation: ; cargo build --release --workspace --bin actas && ACTAS_TEST_REPORT=1 ACTAS_TEST_REQUESTS=500000 $(ARGUMENTS) cargo test --release --workspace --test mutation -- --nocapture

vectors: ; ACTAS_TEST_REPORT=1 cargo test -p keys --lib -- public:: && ACTAS_TEST_REPORT=1 cargo test --workspace --test vectors_section

# SHARD=1/4 for a quarter of the mutants of keys.
mutants: ; SHARD=$(SHARD) conformance/mutants && ACTAS_TEST_REPORT=1 cargo test --workspace --test mutants_section

lint: ; cargo fmt --all --check && cargo clippy --workspace --all-targets -- -D warnings

deny: ; command -v cargo-deny >/dev/null || cargo install --locked cargo-deny && cargo deny check bans licenses sources
