# What `sandbox doctor` lets run where a task would run: a line KEY=VALUE for every step. POSIX sh, as dash, bash and busybox
# speak it; nothing but the shell is taken for granted. It works in a folder with two git folders of its own, and waits in the
# middle for a file `go`, while its owner looks at it from outside.
#   $1  container or host
#   $2  how many processes to try to have; 0 for not trying
#   $3  names to resolve
#   $4  ports of the host to try
#   $5  agents whose version is wanted
#   $6  what the host is called, where those ports are
#   $7  what a container calls the host, if it is the engine's
where=$1 processes=$2 names=$3 ports=$4 agents=$5 home=$6 host=$7

say() { printf '%s=%s\n' "$1" "$2"; }

# try KEY COMMAND...: ok, or the first line of what it said.
try() {
    key=$1
    shift
    if words=$("$@" 2>&1); then
        say "$key" ok
    else
        say "$key" "failed: $(printf '%s\n' "$words" | head -n 1)"
    fi
}

has() { command -v "$1" >/dev/null 2>&1; }

# limited SECONDS COMMAND...: with a limit where there is a program for it.
limited() {
    if has timeout; then timeout "$@"; else shift && "$@"; fi
}

# reach HOST PORT: ok, no, or untold, by what there is to connect with.
reach() {
    if has bash; then
        if limited 4 bash -c 'exec 3<>"/dev/tcp/$0/$1"' "$1" "$2" 2>/dev/null; then echo ok; else echo no; fi
    elif has nc && has timeout; then
        timeout 3 nc -w 2 "$1" "$2" </dev/null >/dev/null 2>&1
        # Ended by the limit means connected: the connection itself has less time.
        case $? in 0 | 124 | 143) echo ok ;; *) echo no ;; esac
    else
        echo untold
    fi
}

resolve() {
    if has getent; then
        if limited 6 getent hosts "$1" >/dev/null 2>&1; then echo ok; else echo no; fi
    elif has nslookup; then
        if limited 6 nslookup "$1" >/dev/null 2>&1; then echo ok; else echo no; fi
    else
        echo untold
    fi
}

write() { echo made >"$1"; }

# The first of these files that can be read, its first line.
first() {
    for file in "$@"; do
        if [ -r "$file" ]; then
            head -n 1 "$file"
            return
        fi
    done
}

say id "$(id -u):$(id -g)"
say canary "$RINGFENCE_DOCTOR_CANARY"
try write write made
if has git; then
    try git git -C plain status --porcelain
    try git-worktree git status --porcelain
else
    say git absent
fi
try home write "$HOME/.ringfence-doctor"
rm -f "$HOME/.ringfence-doctor"

if [ "$where" = container ]; then
    while read -r device point type options rest; do
        case $point in / | "$HOME") say "mount.$point" "$type ${options%%,*}" ;; esac
    done </proc/mounts
    while read -r key value; do
        case $key in CapEff: | CapBnd: | NoNewPrivs:) say "${key%:}" "$value" ;; esac
    done </proc/self/status
    say memory "$(first /sys/fs/cgroup/memory.max /sys/fs/cgroup/memory/memory.limit_in_bytes)"
    say swap "$(first /sys/fs/cgroup/memory.swap.max)"
    say memory-and-swap "$(first /sys/fs/cgroup/memory/memory.memsw.limit_in_bytes)"
    say machines-swap "$(grep '^SwapTotal:' /proc/meminfo | tr -cd '0-9')"
    say pids "$(first /sys/fs/cgroup/pids.max /sys/fs/cgroup/pids/pids.max)"
    say cpus "$(first /sys/fs/cgroup/cpu.max /sys/fs/cgroup/cpu/cpu.cfs_quota_us)"
    # Where the limit is a machine's, or the user's.
    say machine.memory "$(first /proc/meminfo)"
    count=0
    while read -r key rest; do case $key in processor*) count=$((count + 1)) ;; esac; done </proc/cpuinfo
    say machine.cpus "$count"
    while read -r key rest value hard; do
        case "$key $rest" in "Max processes") say machine.pids "$value" ;; esac
    done </proc/self/limits
    while [ -n "$host" ] && read -r address aliases; do
        case " $aliases " in *" $host "*) say host "$address" ;; esac
    done </etc/hosts
fi

say ready yes
while [ ! -s go ]; do sleep 0.05 2>/dev/null || sleep 1; done
read -r port <go
[ "$port" = 0 ] || say listener "$(reach "$host" "$port")"
for port in $ports; do say "port.$port" "$(reach "$home" "$port")"; done
for name in $names; do say "name.$name" "$(resolve "$name")"; done
for agent in $agents; do
    if has "$agent"; then
        say "agent.$agent" "$(limited 15 "$agent" --version 2>/dev/null </dev/null | head -n 1)"
    else
        say "agent.$agent" absent
    fi
done

# The last step, because what has no process left can do nothing more: as many as there may be, each waiting on a pipe that then
# closes. The inner shell ends where it cannot have one more.
if [ "$processes" != 0 ]; then
    cd "$HOME" && mkfifo pipe && exec 5<>pipe
    echo 0 >count
    sh -c 'n=0; while [ $n -lt '"$processes"' ]; do (read -r line <&3) & n=$((n + 1)); echo $n >count; done' 3<pipe 5>&- 2>/dev/null
    exec 5>&-
    read -r count <count
    # Whoever comes next needs processes again: wait, without one, until they are there.
    for file in /sys/fs/cgroup/pids.current /sys/fs/cgroup/pids/pids.current; do
        look=0
        while [ -r "$file" ] && read -r now <"$file" && [ "$now" -gt 12 ] && [ $look -lt 100000 ]; do look=$((look + 1)); done
    done
    printf 'processes=%s\n' "$count"
fi
printf 'done=yes\n'
