# shellcheck shell=bash
# The real parts that tests and examples stand on: a Docker Engine, images made without an image registry, agents from npm.
# Sourced, never run. Each function does nothing when nothing is to do, and says on standard error what it does otherwise.
#
#   begin_setup, end_setup          around the rest: two runs at once do not install over each other
#   beside COMMAND..., together     does something at the same time as what follows, and waits for all such
#   fetch_packages PACKAGE...       as root, in one go: these and the Debian packages that the rest would fetch one by one
#   find_engine || start_engine     sets and exports DOCKER_HOST; start_engine also arranges its end. Both may fail
#   import_tiny                     ringfence-test/tiny: busybox
#   import_debian IMAGE             a plain Debian, the base of real images
#   install_agents NAME...          claude, codex, opencode as native programs in $AGENTS_DIR
#   build_worker                    ringfence-test/worker, from src/image/Dockerfile
#   prepare_podman                  Podman with storage of its own, the tiny image and Debian's; sets RINGFENCE_TEST_PODMAN, a folder with
#                                   its configuration, and RINGFENCE_TEST_ROOTLESS, a user, or RINGFENCE_TEST_ROOTLESS_REASON
#
# Everything lies under target/: `cargo clean` forgets it all.

repo=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
target=${CARGO_TARGET_DIR:-$repo/target}
engine_state=$target/test-engine
AGENTS_DIR=$target/agents/bin

# Pinned, so that a test that passed yesterday passes today. FACTS and fixtures were taken from these.
CLAUDE_VERSION=2.1.197
CODEX_VERSION=0.169.0
OPENCODE_VERSION=1.18.33
DEBIAN_SUITE=bookworm

say() { printf '» %s\n' "$*" >&2; }
complain() { printf 'error: %s\n' "$*" >&2; }
die() { complain "$@"; exit 1; }
has() { command -v "$1" >/dev/null 2>&1; }

# quietly LOG COMMAND...: its output is shown only when it fails.
quietly() {
    local log=$1
    shift
    mkdir -p "$(dirname "$log")"
    "$@" >"$log" 2>&1 </dev/null || { tail -n 30 "$log" >&2; die "failed: $* (all of it: $log)"; }
}

# File descriptor 8 is the lock of whoever is setting up, 9 that of everyone who uses the engine we started.
begin_setup() {
    mkdir -p "$engine_state"
    has flock || return 0
    exec 8>"$engine_state/setup.lock"
    flock -n -x 8 || { say "waiting for another run to finish setting up"; flock -x 8; }
}

end_setup() { exec 8>&-; }

# --- Side by side ---

besides=()

# beside COMMAND...: in a process group of its own, so that all of it ends when this script does. It holds none of our locks.
beside() {
    leave_tidily
    set -m
    "$@" </dev/null 8>&- 9>&- &
    set +m
    besides+=($!)
}

# Fails when one of them failed; each has said why.
together() {
    local pid failed=0
    for pid in ${besides[@]+"${besides[@]}"}; do
        wait "$pid" || failed=1
        besides=("${besides[@]:1}")
    done
    return $failed
}

leave_tidily() {
    trap leave EXIT
    trap 'exit 130' INT
    trap 'exit 143' TERM
    trap 'exit 129' HUP
}

leave() {
    local status=$? pid
    trap - EXIT
    # What our caller has to tell of what has not ended.
    ! declare -F last_words >/dev/null || last_words
    for pid in ${besides[@]+"${besides[@]}"}; do
        kill -TERM -- "-$pid" 2>/dev/null || true
    done
    [ -z "$engine_is_ours" ] || release_engine
    exit "$status"
}

# --- Debian packages ---

# ensure_packages PACKAGE[:COMMAND]...: installs those whose command is not there.
ensure_packages() {
    local missing=() item
    for item in "$@"; do
        has "${item#*:}" || missing+=("${item%%:*}")
    done
    [ ${#missing[@]} -eq 0 ] || apt_install "${missing[@]}"
}

# What start_engine, import_tiny, import_debian, install_agents and prepare_podman ask for. Each still does by itself: elsewhere
# than on Debian, and not as root, only what is really used has to be there.
fetch_packages() {
    local packages=(busybox-static:busybox debootstrap npm podman catatonit uidmap:newuidmap "$@")
    if [ "$(id -u)" != 0 ] || ! has apt-get; then return; fi
    PATH=$PATH:/usr/sbin:/sbin
    engine_answers || packages+=("${ENGINE_PACKAGES[@]}")
    ensure_packages "${packages[@]}"
}

apt_install() {
    [ "$(id -u)" = 0 ] || die "missing: $*. Install them, or run this as root: apt-get install $*"
    has apt-get || die "missing: $*. Install them: this is no Debian, so it cannot be done here"
    say "installing Debian packages: $*"
    # A foreign source that is down must not matter: only the install itself has to work.
    apt-get update -qq >/dev/null 2>&1 </dev/null || true
    DEBIAN_FRONTEND=noninteractive quietly "$engine_state/apt.log" apt-get install -y -qq --no-install-recommends "$@"
}

static_busybox() {
    local path
    for path in /bin/busybox /usr/bin/busybox; do
        if [ -x "$path" ] && ! ldd "$path" 2>/dev/null | grep -q '=>'; then
            echo "$path"
            return
        fi
    done
    return 1
}

# The authorities this machine trusts: behind a proxy that reads TLS, npm trusts nothing else, here and in an image build.
host_authorities() {
    local file
    for file in "${NODE_EXTRA_CA_CERTS:-}" "${SSL_CERT_FILE:-}" /etc/ssl/certs/ca-certificates.crt /etc/ssl/cert.pem; do
        if [ -n "$file" ] && [ -s "$file" ]; then
            echo "$file"
            return
        fi
    done
}

# --- The engine ---

ENGINE_PACKAGES=(docker.io:dockerd docker.io:docker iptables iproute2:ip)
# Set where start_engine gave this run a share in it.
engine_is_ours=

engine_answers() { has docker && docker version --format '{{.Server.Version}}' >/dev/null 2>&1; }

# A socket's path may have 107 characters, and containerd's lies deeper than ours.
engine_run_dir() {
    if [ ${#engine_state} -le 60 ]; then
        echo "$engine_state/run"
    else
        echo "${TMPDIR:-/tmp}/ringfence-engine-$(printf '%s' "$engine_state" | cksum | cut -d' ' -f1)"
    fi
}

# An engine that is there already: the caller's, Docker's usual one, or one that listens elsewhere.
find_engine() {
    local pid socket
    has docker || return 1
    if engine_answers; then
        if [ -z "${DOCKER_HOST:-}" ]; then
            DOCKER_HOST=$(docker context inspect --format '{{.Endpoints.docker.Host}}' 2>/dev/null || true)
            DOCKER_HOST=${DOCKER_HOST:-unix:///var/run/docker.sock}
        fi
    else
        pid=$(other_daemon) || return 1
        socket=$(tr '\0' '\n' <"/proc/$pid/cmdline" | grep -m 1 -o 'unix://.*') || return 1
        [[ $socket != */test-engine/run/* && $socket != */ringfence-engine-* ]] || return 1
        DOCKER_HOST=$socket engine_answers || return 1
        DOCKER_HOST=$socket
    fi
    export DOCKER_HOST
    say "using the Docker Engine at $DOCKER_HOST"
}

# The pid of a dockerd that is not ours.
other_daemon() {
    local name
    for name in /proc/[0-9]*/comm; do
        if [ "$(cat "$name" 2>/dev/null)" = dockerd ]; then
            name=${name#/proc/}
            is_our_engine "${name%/comm}" "$(engine_run_dir)" || { echo "${name%/comm}"; return; }
        fi
    done
    return 1
}

# Our own daemon, with its own socket, state and addresses. Several runs may share it: the last one out stops it.
# Never a second one beside another: measured, it flushes the other's firewall rules and can delete its bridge.
start_engine() {
    local run pid
    run=$(engine_run_dir)
    if pid=$(other_daemon); then
        complain "a dockerd runs here already (pid $pid): name its socket in DOCKER_HOST, or wait for the run it belongs to"
        return 1
    fi
    if [ "$(id -u)" != 0 ]; then
        complain "no Docker Engine answers, and only root can start one. Start Docker, or run this as root"
        return 1
    fi
    # On a machine with the client alone `docker` is there and `dockerd` is not.
    PATH=$PATH:/usr/sbin:/sbin
    ensure_packages "${ENGINE_PACKAGES[@]}"
    mkdir -p "$run" "$engine_state"
    export DOCKER_HOST=unix://$run/docker.sock
    # No plugins, contexts or credentials from the real home.
    export DOCKER_CONFIG=$engine_state/client
    mkdir -p "$DOCKER_CONFIG"

    exec 9>"$engine_state/users.lock"
    local alone=
    flock -n -x 9 && alone=1
    flock -s 9
    engine_is_ours=1
    leave_tidily
    engine_answers || launch_engine "$run" || return 1
    # What a crashed run left behind would hold up the engine's end.
    [ -z "$alone" ] || docker ps -aq | xargs -r docker rm -f >/dev/null
}

launch_engine() {
    local run=$1 pid tries
    say "starting a Docker Engine of our own at $DOCKER_HOST"
    # 198.18.0.0/15 is the range reserved for benchmarks: no real private network is there.
    dockerd --bip 198.18.0.1/24 --default-address-pool base=198.18.128.0/17,size=24 \
        --data-root "$engine_state/data" --exec-root "$run/exec" --pidfile "$run/docker.pid" \
        --host "$DOCKER_HOST" >"$engine_state/dockerd.log" 2>&1 </dev/null 8>&- 9>&- &
    pid=$!
    for ((tries = 0; tries < 300; tries++)); do
        if engine_answers; then
            # Without an address of its own the bridge takes one of its containers', and changes it when that one ends: the
            # others then lose their gateway until they have learned the new one.
            ip link set dev docker0 address 02:42:c6:12:00:01 || true
            return
        fi
        kill -0 "$pid" 2>/dev/null || break
        sleep 0.2
    done
    tail -n 20 "$engine_state/dockerd.log" >&2
    complain "dockerd did not start (all of it: $engine_state/dockerd.log)"
    return 1
}

release_engine() {
    local run pid tenths
    run=$(engine_run_dir)
    begin_setup
    # Whoever cannot have the lock alone leaves the engine to the others.
    if flock -n -x 9 && pid=$(cat "$run/docker.pid" 2>/dev/null) && is_our_engine "$pid" "$run"; then
        kill -TERM "$pid"
        for ((tenths = 0; tenths < 200; tenths++)); do
            kill -0 "$pid" 2>/dev/null || break
            sleep 0.1
        done
    fi
}

is_our_engine() { tr '\0' ' ' <"/proc/$1/cmdline" 2>/dev/null | grep -qF -- "--host unix://$2/docker.sock"; }

has_image() { docker image inspect "$1" >/dev/null 2>&1; }

# The address at which a container on the default bridge reaches this machine.
engine_gateway() { docker network inspect bridge --format '{{(index .IPAM.Config 0).Gateway}}'; }

# Whether the engine's bridge is on this machine and leaves its hardware address to the kernel, which takes another one as
# containers come and go: whoever is on it then cannot reach this machine for a while. 3 is an address that somebody has set.
bridge_is_restless() {
    local name
    name=$(docker network inspect bridge --format '{{index .Options "com.docker.network.bridge.name"}}')
    [ "$(cat "/sys/class/net/$name/addr_assign_type" 2>/dev/null || echo 3)" != 3 ]
}

# --- Images ---

# 2 MB: busybox with its applets, and the few files that programs look for.
import_tiny() {
    has_image ringfence-test/tiny:latest && return
    local busybox root
    busybox=$(static_busybox) || { apt_install busybox-static; busybox=$(static_busybox); }
    say "importing ringfence-test/tiny"
    root=$(mktemp -d "$target/tiny.XXXXXX")
    mkdir -p "$root"/{bin,etc,root} "$root/usr/bin"
    mkdir -m 1777 "$root/tmp"
    # mktemp's 0700 would be the image's own root folder.
    chmod 0755 "$root"
    cp "$busybox" "$root/bin/busybox"
    "$busybox" --list | while read -r applet; do
        [ "$applet" = busybox ] || ln -s busybox "$root/bin/$applet"
    done
    ln -s /bin/env "$root/usr/bin/env"
    echo 'root:x:0:0:root:/root:/bin/sh' >"$root/etc/passwd"
    echo 'root:x:0:' >"$root/etc/group"
    tar -C "$root" --owner=0 --group=0 -c . | docker import -c 'ENV PATH=/bin:/usr/bin' - ringfence-test/tiny:latest >/dev/null
    rm -r "$root"
}

# import_debian IMAGE: a plain Debian, where no image registry has one.
import_debian() {
    local image=$1 root tarball=$target/debian-$DEBIAN_SUITE.tar
    has_image "$image" && return
    if [ ! -s "$tarball" ]; then
        PATH=$PATH:/usr/sbin:/sbin
        ensure_packages debootstrap
        [ "$(id -u)" = 0 ] || die "debootstrap needs root"
        say "bootstrapping Debian $DEBIAN_SUITE (half a minute)"
        root=$(mktemp -d "$target/debian.XXXXXX")
        quietly "$engine_state/debootstrap.log" debootstrap --variant=minbase "$DEBIAN_SUITE" "$root"
        chmod 0755 "$root"
        rm -rf "$root"/var/cache/apt/archives/*.deb "$root"/var/lib/apt/lists/*
        tar -C "$root" -c . >"$tarball.part"
        mv "$tarball.part" "$tarball"
        rm -rf "$root"
    fi
    say "importing $image"
    docker import -c 'CMD ["bash"]' "$tarball" "$image" >/dev/null
}

# The worker image as users get it, built from the same Dockerfile. Nothing changed: the builder's cache answers in a second.
build_worker() {
    local image=ringfence-test/worker:latest context authorities
    context=$(mktemp -d "$target/worker.XXXXXX")
    import_debian ringfence-test/debian:latest
    has_image "$image" || say "building $image (two minutes the first time)"
    mkdir "$context/ca"
    cp "$repo/src/image/Dockerfile" "$context"
    authorities=$(host_authorities)
    [ -z "$authorities" ] || install -m 0644 "$authorities" "$context/ca/extra.crt"
    DOCKER_BUILDKIT=0 quietly "$engine_state/worker.log" docker build --force-rm --tag "$image" \
        --build-arg BASE=ringfence-test/debian:latest --build-arg AGENTS="claude codex opencode" \
        --build-arg CLAUDE_VERSION=$CLAUDE_VERSION --build-arg CODEX_VERSION=$CODEX_VERSION \
        --build-arg OPENCODE_VERSION=$OPENCODE_VERSION "$context"
    rm -r "$context"
}

# --- Podman ---

# Beside the Docker Engine: as root with storage of its own, and, where this machine lets it, as a user with subordinate ids.
prepare_podman() {
    local folder=$engine_state/podman run runtime= image
    # Podman's cleanup refuses a path of more than 50 characters for this, in silence, and every run then takes 20 s to end.
    run=/tmp/ringfence-podman-$(printf '%s' "$engine_state" | cksum | cut -d' ' -f1)
    PATH=$PATH:/usr/sbin:/sbin
    ensure_packages podman catatonit uidmap:newuidmap
    # crun refuses the layout of control groups that some machines have, and a limit above the caller's own is refused by all.
    ! has runc || runtime='runtime = "runc"'
    mkdir -p "$folder" "$run"
    cat >"$folder/rootless.conf" <<END
[containers]
default_ulimits = ["nofile=1024:1024", "nproc=4096:4096"]
[engine]
$runtime
events_logger = "file"
cgroup_manager = "cgroupfs"
END
    # Not static_dir: the cleanup is not told of it, and fails.
    cat "$folder/rootless.conf" - >"$folder/containers.conf" <<END
tmp_dir = "$run/tmp"
[network]
network_config_dir = "$folder/networks"
default_subnet = "198.19.250.0/24"
END
    cat >"$folder/storage.conf" <<END
[storage]
driver = "overlay"
graphroot = "$folder/storage"
runroot = "$run/storage"
END
    export RINGFENCE_TEST_PODMAN=$folder
    # The second has perl, which a door needs.
    for image in tiny debian; do
        if ! podman_here image exists ringfence-test/$image:latest >/dev/null 2>&1; then
            say "loading ringfence-test/$image into Podman"
            docker save ringfence-test/$image:latest >"$folder/image.tar"
            quietly "$folder/load.log" podman_here load --input "$folder/image.tar"
            rm "$folder/image.tar"
        fi
    done
    prepare_rootless "$folder"
}

podman_here() {
    CONTAINERS_CONF=$RINGFENCE_TEST_PODMAN/containers.conf CONTAINERS_STORAGE_CONF=$RINGFENCE_TEST_PODMAN/storage.conf podman "$@"
}

prepare_rootless() {
    local user=ringfence-test reason=
    if [ "$(id -u)" != 0 ]; then
        reason="only root can make a user for it"
    elif ! id "$user" >/dev/null 2>&1 && ! useradd --no-create-home --shell /bin/sh "$user" >"$1/useradd.log" 2>&1; then
        reason=$(head -n 1 "$1/useradd.log")
    elif ! grep -q "^$user:" /etc/subuid || ! grep -q "^$user:" /etc/subgid; then
        reason="$user has no subordinate ids in /etc/subuid and /etc/subgid"
    elif ! setpriv --reuid="$user" --regid="$user" --init-groups unshare --user true >"$1/unshare.log" 2>&1; then
        reason="users may not make user namespaces: $(head -n 1 "$1/unshare.log")"
    fi
    if [ -z "$reason" ]; then
        export RINGFENCE_TEST_ROOTLESS=$user
    else
        say "no rootless Podman here: $reason"
        export RINGFENCE_TEST_ROOTLESS_REASON=$reason
    fi
}

# --- Agents ---

# install_agents NAME...: their native programs, on the host, as $AGENTS_DIR/NAME.
install_agents() {
    local name package version binary arch wanted=() modules=$target/agents/node_modules authorities
    case $(uname -s)-$(uname -m) in
    Linux-x86_64) arch=linux-x64 ;;
    Linux-aarch64) arch=linux-arm64 ;;
    Darwin-x86_64) arch=darwin-x64 ;;
    Darwin-arm64) arch=darwin-arm64 ;;
    *) die "no agents for $(uname -sm)" ;;
    esac
    for name in "$@"; do
        agent_package "$name"
        [ "$(cat "$AGENTS_DIR/$name.version" 2>/dev/null)" = "$version" ] || wanted+=("$package@$version")
    done
    [ ${#wanted[@]} -gt 0 ] || return 0
    has npm || apt_install npm
    say "installing from npm: ${wanted[*]}"
    authorities=$(host_authorities)
    mkdir -p "$AGENTS_DIR"
    # Their install scripts only copy the program from the platform's package, where we take it from ourselves.
    NODE_EXTRA_CA_CERTS=$authorities quietly "$engine_state/npm.log" \
        npm install --prefix "$target/agents" --ignore-scripts --no-audit --no-fund "${wanted[@]}"
    for name in "$@"; do
        agent_package "$name"
        binary=$(agent_binary "$name" "$modules" "$arch")
        [ -x "$binary" ] || die "npm brought no $name program ($binary)"
        ln -sfn "$binary" "$AGENTS_DIR/$name"
        echo "$version" >"$AGENTS_DIR/$name.version"
    done
}

# Sets package and version.
agent_package() {
    case $1 in
    claude) package=@anthropic-ai/claude-code version=$CLAUDE_VERSION ;;
    codex) package=@openai/codex version=$CODEX_VERSION ;;
    opencode) package=opencode-ai version=$OPENCODE_VERSION ;;
    *) die "unknown agent: $1" ;;
    esac
}

agent_binary() {
    local name=$1 modules=$2 arch=$3
    case $name in
    claude) echo "$modules/@anthropic-ai/claude-code-$arch/claude" ;;
    codex) find "$modules/@openai/codex-$arch/vendor" -path '*/bin/codex' -type f 2>/dev/null | head -n 1 ;;
    # The other x64 build needs AVX2.
    opencode) find "$modules/opencode-$arch-baseline" "$modules/opencode-$arch" -name opencode -type f 2>/dev/null | head -n 1 ;;
    esac
}
