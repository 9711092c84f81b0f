#!/usr/bin/env bash
# Passes every test on a fresh machine: brings a Docker Engine, images and the real agents, then checks and tests.
#   tests/run.sh             formatting, lints, all tests
#   tests/run.sh NAME...     only `cargo test NAME...`
#   RINGFENCE_TEST_ENGINE=0  without a Docker Engine: the tests that need one say so and skip
set -euo pipefail
cd "$(dirname "$0")/.."
. tests/support/engine.sh

engine=${RINGFENCE_TEST_ENGINE:-1}
begin_setup
ensure_packages git tmux fish zsh man-db:man groff-base:groff jq
if [ "$engine" = 1 ]; then
    find_engine || start_engine || die "no engine for the tests; without one: RINGFENCE_TEST_ENGINE=0 tests/run.sh"
    import_tiny
    install_agents claude codex opencode
    build_worker
    prepare_podman
    export RINGFENCE_TEST_TINY=ringfence-test/tiny:latest
    export RINGFENCE_TEST_DEBIAN=ringfence-test/debian:latest
    export RINGFENCE_TEST_WORKER=ringfence-test/worker:latest
    RINGFENCE_TEST_GATEWAY=$(engine_gateway)
    export RINGFENCE_TEST_GATEWAY
else
    install_agents claude codex opencode
fi
end_setup
export RINGFENCE_TEST_ENGINE=$engine
export RINGFENCE_TEST_CLAUDE=$AGENTS_DIR/claude
export RINGFENCE_TEST_CODEX=$AGENTS_DIR/codex
export RINGFENCE_TEST_OPENCODE=$AGENTS_DIR/opencode
RINGFENCE_TEST_CA=$(host_authorities)
export RINGFENCE_TEST_CA

# 9>&-: the lock that keeps the engine up is ours alone; a test's stray child must not hold it.
if [ $# -eq 0 ]; then
    cargo fmt --check 9>&-
    cargo clippy --locked --all-targets -- -D warnings 9>&-
fi
# `cargo test --test NAME` builds no examples, and the agents' tests talk to one.
cargo build --locked --example stub-model 9>&-
cargo test --locked "$@" 9>&-
# What was proved with Docker, again through another engine: the most telling part of each suite.
again() {
    local cli=$1
    shift
    say "again through $cli"
    RINGFENCE_TEST_CLI=$cli cargo test --locked "$@" 9>&-
}
if [ $# -eq 0 ] && [ "$engine" = 1 ]; then
    telling="kill_9 the_wall_clock a_run_that_ends own_125 kills_its_own out_of_memory nowhere_else shared_files in_a_container"
    again podman --test lifeline --test docker --test frame --test warm --test sandbox -- $telling \
        may_be_called used_up twenty_runs nothing_is_left_where of_many_creators
    again apple --test lifeline --test docker --test frame -- $telling
fi
