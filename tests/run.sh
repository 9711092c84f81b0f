#!/usr/bin/env bash
# Passes every test on a fresh machine: brings a Docker Engine, images and the real agents, then checks and tests.
#   tests/run.sh             formatting, lints, all tests
#   tests/run.sh NAME...     only `cargo test NAME...`
#   RINGFENCE_TEST_ENGINE=0  without a Docker Engine: the tests that need one say so and skip
#   RINGFENCE_TEST_LANES=2   how many test programs run at a time
set -euo pipefail
cd "$(dirname "$0")/.."
. tests/support/engine.sh

engine=${RINGFENCE_TEST_ENGINE:-1}
lanes=${RINGFENCE_TEST_LANES:-2}

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

# suite CLI PROGRAM [FILTER...]: one test program through one engine. What it says goes to a file, which is named when it has
# ended, because others run beside it: most tests mostly wait.
suite() {
    local cli=$1 program=$2 log=$results/$1$2.log status=0
    shift 2
    echo "» $program through $cli" >"$log"
    RINGFENCE_TEST_CLI=$cli cargo test --locked "$program" -- "$@" >>"$log" 2>&1 </dev/null || status=1
    [ $status = 0 ] || echo "$log" >>"$results/failed"
    echo "$log"
    return $status
}
export -f suite
export results=$engine_state/results
rm -rf "$results"
mkdir -p "$results"

suites() {
    # Those that take longest begin, so that none is alone at the end. Whatever is not named here comes after them.
    local first=(agents doctor auth egress lifeline remote sandbox schema batch warm) name
    { printf '%s\n' "${first[@]}"; basename -s .rs tests/*.rs; } | awk '!seen[$0]++ { print "docker --test=" $0 }'
    echo "docker --bin=ringfence"
    # What was proved with Docker, again through another engine: the most telling part of each suite.
    [ "$engine" = 1 ] || return 0
    local telling="kill_9 the_wall_clock a_run_that_ends own_125 kills_its_own out_of_memory nowhere_else shared_files in_a_container"
    for name in lifeline docker frame warm sandbox; do
        echo "podman --test=$name $telling may_be_called used_up twenty_runs nothing_is_left_where of_many_creators"
    done
    local warm="starts_again nothing_is_left_where goes_away of_many_creators made_once prune_takes engines_fault"
    # Of Apple's there are two shapes of its JSON, one of them before 1.0.
    for name in lifeline docker frame warm; do
        echo "apple --test=$name $telling $warm"
    done
    echo "apple-0.12 --test=sandbox $telling $warm"
}
suites | xargs -P "$lanes" -L 1 bash -c 'suite "$@"' suite 9>&- | while read -r log; do cat "$log"; done || {
    while read -r log; do complain "failed: $(head -n 1 "$log") (all of it: $log)"; done <"$results/failed"
    exit 1
}
