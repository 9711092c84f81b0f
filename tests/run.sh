#!/usr/bin/env bash
# Passes every test on a fresh machine: brings a Docker Engine, images and the real agents, then checks and tests.
#   tests/run.sh             formatting, lints, all tests
#   tests/run.sh NAME...     only `cargo test NAME...`
#   RINGFENCE_TEST_ENGINE=0  without a Docker Engine: the tests that need one say so and skip
set -euo pipefail
cd "$(dirname "$0")/.."
. tests/support/engine.sh

engine=${RINGFENCE_TEST_ENGINE:-1}

# --- Set-up, and beside it what needs nothing of it: the one mostly waits, the other keeps the processor busy ---

check_and_build() {
    if [ $# -eq 0 ]; then
        cargo clippy --locked --all-targets -- -D warnings || die "clippy objects"
    fi
    cargo test --locked --no-run "$@" || die "the tests cannot be built"
    # `cargo test --test NAME` builds no examples, and the agents' tests talk to one.
    cargo build --locked --example stub-model || die "the stub cannot be built"
}

[ $# -gt 0 ] || cargo fmt --check
begin_setup
beside check_and_build "$@"
tools=(git tmux fish zsh man-db:man groff-base:groff jq)
if [ "$engine" = 1 ]; then
    fetch_packages "${tools[@]}"
    ensure_packages "${tools[@]}"
    beside install_agents claude codex opencode
    find_engine || start_engine || die "no engine for the tests; without one: RINGFENCE_TEST_ENGINE=0 tests/run.sh"
    import_tiny
    build_worker
    prepare_podman
    export RINGFENCE_TEST_TINY=ringfence-test/tiny:latest
    export RINGFENCE_TEST_DEBIAN=ringfence-test/debian:latest
    export RINGFENCE_TEST_WORKER=ringfence-test/worker:latest
    RINGFENCE_TEST_GATEWAY=$(engine_gateway)
    export RINGFENCE_TEST_GATEWAY
else
    ensure_packages "${tools[@]}"
    install_agents claude codex opencode
fi
together || exit 1
end_setup
export RINGFENCE_TEST_ENGINE=$engine
export RINGFENCE_TEST_CLAUDE=$AGENTS_DIR/claude
export RINGFENCE_TEST_CODEX=$AGENTS_DIR/codex
export RINGFENCE_TEST_OPENCODE=$AGENTS_DIR/opencode
RINGFENCE_TEST_CA=$(host_authorities)
export RINGFENCE_TEST_CA

# --- The tests ---

# 9>&-: the lock that keeps the engine up is ours alone; a test's stray child must not hold it.
if [ $# -gt 0 ]; then
    cargo test --locked "$@" 9>&-
    exit
fi

results=$engine_state/results
rm -rf "$results"
mkdir -p "$results"

# suite CLI PROGRAM [FILTER...]: one test program through one engine. Its words are held back until it has ended, because another
# one runs beside it. Until then they have the name of something that runs.
suite() {
    local cli=$1 program=$2 log=$results/$1$2.log running=$results/$1$2.running status=0
    shift 2
    say "$program through $cli begins"
    echo "» $program through $cli" >"$running"
    RINGFENCE_TEST_CLI=$cli cargo test --locked "$program" -- "$@" >>"$running" 2>&1 </dev/null 9>&- || status=1
    # A filter that fits nothing is a success to cargo.
    if [ $# -gt 0 ] && [ $status = 0 ] && ! grep -q '^running [1-9]' "$running"; then
        echo "error: no test of $program has one of these in its name: $*" >>"$running"
        status=1
    fi
    mv "$running" "$log"
    [ $status = 0 ] || echo "$log" >>"$results/failed"
    cat "$log"
    return $status
}

# What is cut short, by a hang and somebody's patience with it, is told as far as it got.
last_words() {
    local running
    for running in "$results"/*.running; do
        [ -e "$running" ] || continue
        complain "not ended: $(head -n 1 "$running") (all of it: $running). Its last words:"
        tail -n 40 "$running" >&2
    done
}

# suites CLI NAMES [FILTER...]: each of these test files, also where one fails.
suites() {
    local cli=$1 names=$2 name failed=0
    shift 2
    for name in $names; do
        suite "$cli" "--test=$name" "$@" || failed=1
    done
    return $failed
}

# What was proved with Docker is proved again through other engines.
again="lifeline docker frame warm sandbox"

# What makes sandboxes on the Docker Engine, leaves dead runs there or clears them away: one after the other (the dead ones of
# `remote` are on an engine of its own). The last of them runs real agents, when those beside it have done most of theirs: there
# may be no more than two processors.
owners="lifeline docker sandbox warm egress runtimes examples doctor"
of_owners() {
    local failed=0
    suites docker "$owners" || failed=1
    if [ "$engine" = 1 ]; then
        suites apple "$again" || failed=1
        # Of Apple's there are two shapes of its JSON, one of them before 1.0: what lists and looks.
        suites apple-0.12 sandbox starts_again of_many_creators made_once prune_takes engines_fault || failed=1
    fi
    return $failed
}

# Real agents, too: whatever is named in neither list comes after them.
first="agents auth schema unattended"
of_others() {
    local rest failed=0
    rest=$(basename -s .rs tests/*.rs | grep -vxF "$(printf '%s\n' $owners $first)")
    suites docker "$first $rest" || failed=1
    suite docker --bin=ringfence || failed=1
    [ "$engine" != 1 ] || suites podman "$again" || failed=1
    return $failed
}

failed=0
# Both in the background, because a signal is heeded while we wait, and not while a command is in front of us.
beside of_owners
if [ "$engine" = 1 ] && bridge_is_restless; then
    say "one line of tests after the other: the bridge of this engine, which is not ours to change, takes another address with each container"
    together || failed=1
fi
beside of_others
together || failed=1
[ $failed = 1 ] || exit 0
while read -r log; do complain "failed: $(head -n 1 "$log") (all of it: $log)"; done <"$results/failed"
exit 1
