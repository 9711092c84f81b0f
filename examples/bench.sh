#!/usr/bin/env bash
# ringfence beside the bare commands it stands on, in one run on this machine: medians and ratios, in one table.
#   examples/bench.sh [RUNS]     needs a Docker Engine (as root on Debian it brings one); about two minutes
set -euo pipefail
cd "$(dirname "$0")/.."
. tests/support/engine.sh
runs=${1:-30}

begin_setup
ensure_packages hyperfine jq procps:pgrep
find_engine || start_engine || die "no engine to measure"
import_tiny
import_debian ringfence-test/debian:latest
end_setup
cargo build --release --locked --bin ringfence 8>&- 9>&-

bench=$target/bench
rm -rf "$bench"
mkdir -p "$bench/home" "$bench/work"
ringfence=$target/release/ringfence
image=ringfence-test/tiny:latest
# What ringfence itself would run, without its name, label values and frame: the bare command with the same flags.
cold=$("$ringfence" --config /dev/null run --mode docker --image $image -a shell -C "$bench/work" --dry-run true | head -n 1)
bare=$(sed -E 's/ --name [^ ]+//; s/ -c .*//' <<<"$cold")
eval "bare_words=($bare)"
read -ra our_words <<<"$ringfence --config /dev/null run --mode docker --image $image -a shell -C $bench/work"
dockered="${our_words[*]}"
hosted="$ringfence --config /dev/null run --mode host -a shell -C $bench/work"

# measure NAME COMMAND...: alternating would be fairer still, but a round of each is short enough not to drift.
measure() {
    local name=$1
    shift
    env -i PATH="$PATH" HOME="$bench/home" DOCKER_HOST="$DOCKER_HOST" \
        hyperfine --shell=none --warmup 3 --runs "$runs" --export-json "$bench/$name.json" "$@" >"$bench/$name.txt" 2>&1 </dev/null ||
        { cat "$bench/$name.txt" >&2; die "measuring $name failed"; }
}

median() { jq ".results[$2].median * 1000" "$bench/$1.json"; }

printf '%-34s %12s %12s %10s   %s\n' what bare ringfence ratio wanted

# compare LABEL NAME WANTED: a ratio of medians.
compare() {
    awk -v l="$1" -v a="$(median "$2" 0)" -v b="$(median "$2" 1)" -v w="$3" \
        'BEGIN { printf "%-34s %9.2f ms %9.2f ms %10.3f   %s\n", l, a, b, b / a, w }'
}

# differ LABEL NAME WANTED: a difference of medians.
differ() {
    awk -v l="$1" -v a="$(median "$2" 0)" -v b="$(median "$2" 1)" -v w="$3" \
        'BEGIN { printf "%-34s %9.2f ms %9.2f ms %+7.2f ms   %s\n", l, a, b, b - a, w }'
}

measure version true "$ringfence --version"
differ "start: true | --version" version "at most +3 ms"
measure host "sh -c true" "$hosted true"
differ "host: sh -c true | run -a shell" host "at most +5 ms"
measure cold "$bare -c true" "$dockered true"
compare "cold: docker run | run -a shell" cold "at most 1.05"
# The engine calls of a quick doctor run side by side: all of it beside the slowest of them, by the report's own times.
doctor="$ringfence --config /dev/null --mode docker sandbox doctor --quick -a shell -C $bench/work --json"
doctored() { env -i PATH="$PATH" HOME="$bench/home" DOCKER_HOST="$DOCKER_HOST" SANDBOX_DOCKER_IMAGE=$image $doctor </dev/null; }
for _ in $(seq "$runs"); do
    began=$(date +%s%N)
    slowest=$(doctored | jq '[.checks[].ms] | max')
    echo "$slowest $((($(date +%s%N) - began) / 1000))"
done | sort -k 2 -n | awk '
    { slowest[NR] = $1; all[NR] = $2 / 1000 }
    END { n = int((NR + 1) / 2); printf "%-34s %9.2f ms %9.2f ms %10.3f   %s\n", "doctor --quick: slowest call | all", slowest[n], all[n], all[n] / slowest[n], "at most 1.5" }'

# Warm sandboxes, beside the same container made, entered and removed by hand. (Preparing takes longer than measuring: fewer rounds.)
warm() { echo "$ringfence --config /dev/null --mode docker sandbox $*"; }
read -ra create_words <<<"$(warm create rf-bench-ours --image $image -a shell -C "$bench/work")"
docker rm -f rf-bench-bare rf-bench-ours >/dev/null 2>&1 || true
detached=$("${create_words[@]}" -v 2>&1 >/dev/null | sed -nE '/ --detach /{s/^\+ //; s/ --env .RINGFENCE_PLACES=.* --entrypoint/ --entrypoint/; s/rf-bench-ours/rf-bench-bare/; p}')
gone() { echo "sh -c 'docker rm -f $1; true'"; }
runs=$((runs / 2)) measure create --prepare "$(gone rf-bench-bare)" --prepare "$(gone rf-bench-ours)" "$detached" "${create_words[*]}"
compare "create: docker run -d | create" create "at most 1.1"
measure exec "docker exec rf-bench-bare true" "$(warm exec rf-bench-ours -- true)"
compare "exec: docker exec | exec -- true" exec "at most 1.05"
measure warm "docker exec -i rf-bench-bare sh -c true" "$dockered --sandbox rf-bench-ours true"
compare "warm: docker exec | run --sandbox" warm "at most 1.10"
runs=$((runs / 2)) measure stop --prepare "docker start rf-bench-bare" --prepare "docker start rf-bench-ours" \
    "docker stop -t 0 rf-bench-bare" "$(warm stop rf-bench-ours)"
compare "stop: docker stop -t 0 | stop" stop "at most 300 ms"
# In a file: the command has quotes of its own.
again() {
    printf 'docker rm -f %s\n%s\n' "$1" "$2" >"$bench/$1.sh"
    echo "sh $bench/$1.sh"
}
runs=$((runs / 2)) measure rm --prepare "$(again rf-bench-bare "$detached")" --prepare "$(again rf-bench-ours "${create_words[*]}")" \
    "docker rm -f rf-bench-bare" "$(warm rm rf-bench-ours)"
compare "rm: docker rm -f | rm" rm "at most 1.2"
docker rm -f rf-bench-bare rf-bench-ours >/dev/null 2>&1 || true

# The same run without a list of hosts and with one; the list needs perl in the image.
read -ra listed <<<"${our_words[*]/$image/ringfence-test/debian:latest}"
measure door "${listed[*]} true" "${listed[*]} --allow-host files.bench true"
differ "cold: run | run --allow-host" door "at most +600 ms"

# 512 MiB from a server on a network of ours, straight and through the door: the best of five.
network=ringfence-bench-$$
docker network create "$network" >/dev/null
server=$(docker run --rm --detach --network "$network" --network-alias files.bench "$image" sh -c \
    'dd if=/dev/zero of=/tmp/zero bs=1M count=512 2>/dev/null; cd /tmp && exec httpd -f -p 8080')
until docker exec "$server" wget -q --spider http://127.0.0.1:8080/zero 2>/dev/null; do sleep 0.1; done
cat >"$bench/work/download.pl" <<'END'
use IO::Socket::INET;
my $proxy = $ENV{http_proxy} ? 'http://files.bench:8080' : '';
my $server = IO::Socket::INET->new($proxy ? '127.0.0.1:3128' : 'files.bench:8080') or die "$@";
print $server "GET $proxy/zero HTTP/1.0\r\nHost: files.bench:8080\r\n\r\n";
my ($piece, $bytes);
while (my $got = sysread $server, $piece, 1 << 20) { $bytes += $got }
die "only $bytes bytes" if $bytes < 512 << 20;
END
download() {
    env -i PATH="$PATH" HOME="$bench/home" DOCKER_HOST="$DOCKER_HOST" "${listed[@]}" --network "$network" "$@" \
        'for i in 1 2 3 4 5; do b=$(date +%s%N); perl download.pl || exit; echo $((512000000000 / ($(date +%s%N) - b))); done' </dev/null |
        sort -n | tail -n 1
}
straight=$(download) door=$(download --allow-host files.bench:8080)
docker rm --force "$server" >/dev/null
docker network rm "$network" >/dev/null
awk -v a="$straight" -v b="$door" 'BEGIN {
    printf "%-34s %7.0f MiB/s %7.0f MiB/s %7.3f   at least 0.5\n", "download: open | --allow-host", a, b, b / a
    }'

# 256 MiB of output into a pipe: rate beside the bare client's, and the peak memory of ringfence itself.
megabytes=256
stream() { env -i PATH="$PATH" HOME="$bench/home" DOCKER_HOST="$DOCKER_HOST" "$@" </dev/null | cat >/dev/null; }
seconds() {
    local began
    began=$(date +%s%N)
    "$@"
    awk -v n=$(($(date +%s%N) - began)) 'BEGIN { print n / 1e9 }'
}
best() { printf '%s\n' "$@" | sort -n | head -n 1; }
# The highest resident memory of the process itself; its children, the engine's client among them, do not count.
watch_peak() {
    local pid kib=0 now
    until pid=$(pgrep -n -x ringfence); do :; done
    while now=$(awk '/^VmHWM/ { print $2 }' "/proc/$pid/status" 2>/dev/null) && [ -n "$now" ]; do
        kib=$now
        sleep 0.02
    done
    echo "$kib" >>"$bench/peak"
}
plain=() ours=()
for _ in 1 2 3; do
    plain+=("$(seconds stream "${bare_words[@]}" -c "head -c ${megabytes}m /dev/zero")")
    watch_peak &
    ours+=("$(seconds stream "${our_words[@]}" "head -c ${megabytes}m /dev/zero")")
    wait $!
done
awk -v m=$megabytes -v a="$(best "${plain[@]}")" -v b="$(best "${ours[@]}")" -v k="$(sort -n "$bench/peak" | tail -n 1)" 'BEGIN {
    printf "%-34s %7.0f MiB/s %7.0f MiB/s %7.3f   at least 0.9\n", "stream: " m " MiB to a pipe", m / a, m / b, a / b
    printf "%-34s %12s %8.1f MiB %10s   at most 32 MiB\n", "peak memory while streaming", "", k / 1024, ""
    }'
# 40 tasks of one second, two at a time.
for _ in $(seq 40); do echo '{"task": "sleep 1"}'; done >"$bench/queue.jsonl"
batch() {
    env -i PATH="$PATH" HOME="$bench/home" "$ringfence" --config /dev/null run --batch "$bench/queue.jsonl" -j 2 \
        --shared-workspace --mode host -a shell -C "$bench/work" -q </dev/null >/dev/null
}
awk -v b="$(seconds batch)" 'BEGIN {
    printf "%-34s %10.2f s  %10.2f s  %8.3f   at most 1.1\n", "batch: 40 tasks of 1 s, -j 2", 20, b, b / 20
    }'
awk -v b="$(stat -c %s "$ringfence")" 'BEGIN { printf "%-34s %12s %8.1f MiB %10s   at most 4 MiB\n", "binary", "", b / 1048576, "" }'
