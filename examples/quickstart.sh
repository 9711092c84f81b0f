#!/usr/bin/env bash
# From a fresh checkout to a finished task: builds ringfence, brings what is missing, and lets the real claude make a file.
#   examples/quickstart.sh          with your own login, if there is one (a task of one line)
#   examples/quickstart.sh --stub   with a stub of the model on this machine: no account, no cost
set -euo pipefail
cd "$(dirname "$0")/.."
. tests/support/engine.sh

login() {
    local name
    for name in CLAUDE_CODE_OAUTH_TOKEN ANTHROPIC_AUTH_TOKEN ANTHROPIC_API_KEY; do
        [ -z "${!name:-}" ] || { echo "the variable $name"; return; }
    done
    name=${CLAUDE_AUTH_DIR:-${HOME:-}/.claude}/.credentials.json
    [ ! -s "$name" ] || echo "$name"
}

case ${1:-} in
'') login=$(login) ;;
--stub) login= ;;
*) sed -n '2,4s/^# *//p' "$0" >&2; exit 2 ;;
esac

# --- ringfence and claude ---
say "building ringfence"
cargo build --release --locked --bin ringfence
ringfence=$target/release/ringfence
begin_setup
install_agents claude
export PATH=$AGENTS_DIR:$PATH

# --- a container, where one can be had ---

# build_image: the worker image, on the usual base or, where no image registry answers, on a Debian of our own making.
build_image() {
    local base trust=() authorities
    base=$(sed -n 's/^ARG BASE=//p' src/image/Dockerfile)
    if ! has_image "$base" && ! docker pull -q "$base" >/dev/null 2>&1 </dev/null; then
        [ "$(id -u)" = 0 ] || return 1
        base=ringfence/debian:$DEBIAN_SUITE
        import_debian "$base"
    fi
    # Only a machine with authorities of its own has something to hand on.
    if [ -n "${NODE_EXTRA_CA_CERTS:-}${SSL_CERT_FILE:-}" ] || ls /usr/local/share/ca-certificates/*.crt >/dev/null 2>&1; then
        authorities=$(host_authorities)
        [ -z "$authorities" ] || trust=(--ca-cert "$authorities")
    fi
    say "building ringfence/worker on $base (a minute or two)"
    "$ringfence" sandbox build-image --base "$base" --agent claude --agent-version "claude=$CLAUDE_VERSION" \
        ${trust[@]+"${trust[@]}"} >&2 </dev/null
}

mode=host
if find_engine || start_engine; then mode=docker; fi
if [ $mode = docker ] && ! has_image ringfence/worker:latest && ! build_image; then
    say "no worker image could be built"
    mode=host
fi
end_setup
[ $mode = docker ] || say "so the task runs in mode host: nothing stands between it and your files"

# --- the task ---
workspace=$target/quickstart/workspace
rm -rf "$target/quickstart"
mkdir -p "$workspace" "$target/quickstart/home"
prompt='Create the file hello.txt in the current folder. It holds one line: a greeting from inside the fence.'

if [ -n "$login" ]; then
    say "running claude in mode $mode with your login: $login"
    "$ringfence" --mode $mode run --agent claude --workspace "$workspace" --timeout 5m "$prompt" </dev/null
else
    # The stub ends when this script does: its standard input is ours to close.
    start_stub() {
        local tenths
        : >"$target/quickstart/address"
        exec 7> >(exec "$target/release/examples/stub-model" --listen "$1:0" --until-eof \
            >"$target/quickstart/address" 2>"$target/quickstart/stub.log")
        for ((tenths = 0; tenths < 50; tenths++)); do
            read -r address <"$target/quickstart/address" && return
            sleep 0.1
        done
        return 1
    }
    cargo build --release --locked --example stub-model
    address=
    # Containers of an engine on this machine reach the bridge's own address. Where that is no address of ours (an engine
    # in a virtual machine), ringfence turns the loopback address into the one that containers have for it.
    if [ $mode = docker ]; then start_stub "$(engine_gateway)" || true; fi
    [ -n "$address" ] || start_stub 127.0.0.1 || die "the stub did not start: $(cat "$target/quickstart/stub.log")"
    say "running claude in mode $mode against a stub of the model at $address"
    env -i PATH="$PATH" HOME="$target/quickstart/home" ${TERM:+TERM="$TERM"} \
        ${DOCKER_HOST:+DOCKER_HOST="$DOCKER_HOST"} ${DOCKER_CONFIG:+DOCKER_CONFIG="$DOCKER_CONFIG"} \
        ANTHROPIC_BASE_URL="http://$address" ANTHROPIC_API_KEY=stub \
        "$ringfence" --mode $mode run --agent claude --workspace "$workspace" --timeout 2m "$prompt
stub: sh echo 'hello from inside the fence' > hello.txt
stub: text The file is there." </dev/null 7>&- 8>&- 9>&-
fi

[ -s "$workspace/hello.txt" ] || die "the task ended well, but made no hello.txt in $workspace"
say "the file it made: $(ls -l "$workspace/hello.txt")"
cat "$workspace/hello.txt"

cat >&2 <<NEXT

Try next:
  export PATH="$AGENTS_DIR:$target/release:\$PATH"
  ringfence auth check claude                       does the agent have a login that works?
  ringfence sandbox show                            what holds here, and why
  ringfence --mode $mode run -C PROJECT "fix the failing test"
NEXT
[ ! -s "$(engine_run_dir)/docker.pid" ] || echo "The Docker Engine started for this stops now; for one that stays: apt-get install docker.io" >&2
