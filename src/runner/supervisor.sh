# The constant half of every frame. The other half, made by frame.rs, stands before it and defines
#   rf_nonce  what our marks on standard error carry, so that no text of the agent's is ever taken for one
#   rf_mark   NAME=VALUE, the variable that all processes of this run inherit, and by which they are found again
#   rf_owner_looks   not empty where the owner can see our processes, and looks itself for what an agent leaves behind
#   rf_grace  seconds between TERM and KILL
#   rf_known  whether this is the sandbox that was meant
#   rf_enter  goes to the folder to work in, where the shell did not start there: rf_dir, which is called rf_in here
#   rf_relay  brings the sandbox's door and services of the host to 127.0.0.1, where there are any
#   rf_door   the socket of the sandbox's only door, if it has one
#   rf_expects_door  not empty where nothing is to be done without it
#   rf_counts  the file in which a door that others use as well counts who knocks
#   rf_fence  not empty in a container, with what must be in force in it before the agent is started:
#   rf_fence_memory (bytes), rf_fence_millicpus, rf_fence_pids, rf_fence_read_only, rf_fence_no_new; rf_fence_partial starts it anyway
#   rf_parcel  not empty where the workspace comes behind the frame, rf_parcel_length bytes of tar, and goes back behind the agent's
#   output; what the mark before it carries
#   rf_home   makes the home, where that is a folder in one which is everybody's
#   rf_files  writes the credential files into the home
#   rf_task   the task
#   rf_agent  exports the variables and becomes the agent
# Standard input is the lifeline: a line on it means "end politely", the next one or its end "end now"; its end alone, when
# our owner died, means politely, then by force; the line "done" that nothing is left. POSIX sh, as dash, bash and busybox
# speak it.

exec 3<&0 </dev/null
trap : HUP INT TERM

rf_say() { printf '\036%s %s\036' "$rf_nonce" "$*" >&2; }

# This run's processes: those that carry the marker. The supervisor's own shells were started without it.
rf_pids() {
    if [ -e /proc/self/environ ]; then
        for rf_entry in $(LC_ALL=C grep -lszF "$rf_mark" /proc/[0-9]*/environ); do
            rf_entry=${rf_entry#/proc/}
            echo "${rf_entry%/environ}"
        done
    else
        ps -axEww -o pid= -o command= | grep -F " $rf_mark" | while read -r rf_entry rf_rest; do echo "$rf_entry"; done
    fi
}

# A process that starts another program meanwhile reads as if it had no environment. Whether one did is asked after the look for
# the marker, and may have passed by then: nothing is left once two looks in a row say so.
rf_any() {
    if [ -e /proc/self/environ ]; then
        rf_quiet=0
        for rf_look in 1 2 3 4 5 6; do
            LC_ALL=C grep -qszF "$rf_mark" /proc/[0-9]*/environ && return
            [ -z "$(LC_ALL=C grep -Lsz . /proc/[0-9]*/environ)" ] || rf_quiet=-1
            rf_quiet=$((rf_quiet + 1))
            [ "$rf_quiet" != 2 ] || break
            [ "$rf_quiet" = 1 ] || sleep 0.02 2>/dev/null || sleep 1
        done
        return 1
    else
        [ -n "$(rf_pids)" ]
    fi
}

# The processes that there are now. Where they are the same before the agent and after it, nothing is left of it: a look without
# starting any program.
rf_list() {
    set -- /proc/[0-9]*
    rf_listed=$*
}

rf_signal() { for rf_pid in $(rf_pids); do kill "-$1" "$rf_pid" 2>/dev/null; done; }

# Again for what was being started meanwhile; then the group, and with it ourselves, unless the workspace has yet to go back.
rf_force() {
    for rf_try in 1 2 3 4 5 6 7 8 9 10; do
        rf_signal KILL
        rf_any || break
    done
    [ -n "${1-}" ] || kill -KILL 0
}

rf_politely() {
    trap '' HUP INT TERM
    kill -TERM 0
    rf_signal TERM
    sleep "$rf_grace"
    rf_force "${1-}"
}

# Everything else in this container, so that nobody writes between the workspace's bytes, whatever it made of its environment. Only
# where it is certain that all of it is this run's: the container is its own (others have no parcel), a namespace of processes
# that is not the machine's, and in it the engine's init, whose only child we are.
rf_alone() {
    rf_space=$(readlink /proc/self/ns/pid 2>/dev/null)
    [ -n "$rf_parcel" ] && [ "$PPID" = 1 ] && [ -n "$rf_watcher" ] || return 0
    case $rf_space in '' | 'pid:[4026531836]') return 0 ;; esac
    case $(readlink /proc/1/exe 2>/dev/null; cat /proc/1/comm 2>/dev/null) in *systemd*) return 0 ;; esac
    for rf_try in 1 2 3 4 5; do
        for rf_entry in /proc/[0-9]*; do
            case ${rf_entry#/proc/} in 1 | "$$" | "$rf_watcher") ;; *) kill -KILL "${rf_entry#/proc/}" ;; esac
        done 2>/dev/null
    done
}

rf_watch() {
    trap '' HUP INT TERM
    # A shell that cannot start a process exits: where the agent has used up all of them, this is what is left.
    trap 'kill -KILL 0' EXIT
    if read -r rf_line <&3; then
        [ "$rf_line" != done ] || kill -KILL 0
        rf_politely "$rf_parcel" &
        read -r rf_line <&3
        rf_force
    fi
    rf_politely
}

# The kernel's count of processes that our memory limit has killed: cgroup v2, then v1.
rf_ooms() {
    rf_oom=0
    for rf_entry in /sys/fs/cgroup/memory.events /sys/fs/cgroup/memory/memory.oom_control; do
        [ -r "$rf_entry" ] || continue
        while read -r rf_key rf_value; do
            [ "$rf_key" != oom_kill ] || rf_oom=$rf_value
        done <"$rf_entry"
        return
    done
}

# How many packets found no way out, because they were not sent through the door: the kernel's count, of IPv4 (the 12th number)
# and IPv6. And what a door has counted that others use as well: it needs a moment for the last one.
rf_strays() {
    rf_stray=0
    rf_knocks=
    [ -n "$rf_door" ] || return 0
    [ -z "$rf_counts" ] || { sleep 0.05 2>/dev/null || sleep 1; rf_knocks=$(cat "$rf_counts" 2>/dev/null); }
    # shellcheck disable=SC2046
    set -- $(grep '^Ip: [0-9]' /proc/net/snmp) 0 0 0 0 0 0 0 0 0 0 0 0 0
    rf_stray=${13}
    # shellcheck disable=SC2046
    set -- $(grep '^Ip6OutNoRoutes' /proc/net/snmp6 2>/dev/null) 0 0
    rf_stray=$((rf_stray + $2))
}

# Says the lines of $1 that are not among those of $2, with $3 before them.
rf_tell() {
    printf '%s\n' "$1" | grep -vxF -e "$2" | while read -r rf_entry; do
        [ -z "$rf_entry" ] || rf_say knocks "$3$rf_entry"
    done
}

# The first of these files that can be read, its first line in two parts.
rf_first() {
    rf_value= rf_rest=
    for rf_entry in "$@"; do
        [ -r "$rf_entry" ] || continue
        read -r rf_value rf_rest <"$rf_entry"
        return
    done
}

# Whether a value is a number and at most the other.
rf_within() {
    case $1 in '' | *[!0-9]*) return 1 ;; esac
    [ "$1" -le "$2" ]
}

# What was asked for and is not in force, each with a comma before it. A machine that has no more than a limit allows keeps it.
rf_lacks() {
    rf_lacking= rf_group=/sys/fs/cgroup
    while IFS=: read -r rf_key rf_value rf_path; do
        [ "$rf_key:$rf_value" != 0: ] || [ ! -e "$rf_group$rf_path/memory.max" ] || rf_group=$rf_group$rf_path
    done </proc/self/cgroup
    rf_first "$rf_group/memory.max" /sys/fs/cgroup/memory/memory.limit_in_bytes
    if ! rf_within "$rf_value" "$rf_fence_memory"; then
        read -r rf_key rf_value rf_rest </proc/meminfo
        [ "$rf_value" -le $((rf_fence_memory / 1024)) ] || rf_lacking=$rf_lacking,memory
    fi
    rf_first "$rf_group/cpu.max" /sys/fs/cgroup/cpu/cpu.cfs_quota_us
    rf_quota=$rf_value
    [ -n "$rf_rest" ] || { rf_first /sys/fs/cgroup/cpu/cpu.cfs_period_us; rf_rest=$rf_value; }
    if ! rf_within "$rf_quota" $((rf_fence_millicpus * ${rf_rest:-0} / 1000)); then
        [ $(($(grep -c ^processor /proc/cpuinfo) * 1000)) -le "$rf_fence_millicpus" ] || rf_lacking=$rf_lacking,cpus
    fi
    rf_first "$rf_group/pids.max" /sys/fs/cgroup/pids/pids.max
    if ! rf_within "$rf_value" "$rf_fence_pids"; then
        # The other way, which does not hold for root.
        while read -r rf_key rf_rest rf_value rf_path; do
            [ "$rf_key $rf_rest" != "Max processes" ] || break
        done </proc/self/limits
        rf_within "$rf_value" "$rf_fence_pids" && [ "$(id -u)" != 0 ] || rf_lacking=$rf_lacking,pids
    fi
    while read -r rf_key rf_value; do
        case $rf_key$rf_value in
        CapBnd:*[!0]*) rf_lacking=$rf_lacking,capabilities ;;
        NoNewPrivs:0) [ -z "$rf_fence_no_new" ] || rf_lacking=$rf_lacking,privileges ;;
        esac
    done </proc/self/status
    # The root's mount is the first.
    read -r rf_key rf_key rf_key rf_key rf_path rf_value rf_rest </proc/self/mountinfo
    case $rf_fence_read_only:$rf_path:$rf_value in :* | 1:/:ro | 1:/:ro,*) ;; *) rf_lacking=$rf_lacking,root ;; esac
}

# Opens our output anew: an agent may have made writes to it fail where they would have to wait, for all who share it with the agent
# (O_NONBLOCK, as claude does). Of the marks, or of a workspace on its way back, that would lose a part.
rf_reopen() {
    [ ! -p /proc/self/fd/1 ] || [ ! -w /proc/self/fd/1 ] || exec >/proc/self/fd/1
    [ ! -p /proc/self/fd/2 ] || [ ! -w /proc/self/fd/2 ] || exec 2>/proc/self/fd/2
}

rf_fail() {
    rf_say fail "$1"
    exit 125
}

rf_known || rf_fail sandbox
rf_enter || rf_fail folder
if [ -n "$rf_fence" ]; then
    rf_lacks
    [ -z "$rf_lacking" ] || rf_say lacks "${rf_lacking#,}"
    [ -z "$rf_lacking" ] || [ -n "$rf_fence_partial" ] || exit 125
    if [ -n "$rf_parcel" ]; then
        # Not sent before we are ready: the shell's `head` in front of this script may take more than it gives.
        [ -z "$(ls -A)" ] || { echo "the image has files of its own where the workspace is to be" >&2; rf_fail workspace; }
        rf_say ready
        head -c "$rf_parcel_length" <&3 | tar -xpf - || rf_fail workspace
        # The last of it. Without it something is missing, and would seem deleted.
        rm ".ringfence-$rf_parcel" || rf_fail workspace
    fi
fi
{ rf_home && rf_files; } || rf_fail files
rf_relay || rf_fail relay
[ -S "$rf_door" ] || { [ -z "$rf_expects_door" ] || rf_fail door; rf_door=; }
# A shell keeps a here-document in a pipe or in an unlinked file: the task leaves no trace on any disk.
exec 4<<END_OF_TASK || rf_fail task
$rf_task
END_OF_TASK
unset rf_task

rf_ooms
rf_ooms_before=$rf_oom
rf_strays
rf_strays_before=$rf_stray
rf_knocks_before=$rf_knocks
rf_watch >/dev/null 2>&1 &
rf_watcher=$!
rf_list
rf_before=$rf_listed
[ "$rf_in" = "$rf_dir" ] || rf_say inside "$rf_in"
rf_say start
(
    exec 3<&-
    # In a container short of memory the kernel is to choose the agent, never the supervisor that reports it.
    [ -n "$rf_owner_looks" ] || echo 1000 2>/dev/null >/proc/self/oom_score_adj
    rf_agent
)
rf_code=$?
exec 4<&-
rf_reopen
rf_ooms
rf_strays
if [ -n "$rf_door" ]; then
    rf_say strays "$((rf_stray - rf_strays_before))"
    rf_tell "$rf_knocks_before" "$rf_knocks" 'before '
    rf_tell "$rf_knocks" "$rf_knocks_before" ''
fi
rf_say end "$rf_code" "$((rf_oom - rf_ooms_before))"

# What the agent left behind, in this process group or in one of its own, ends with it.
if [ -n "$rf_owner_looks" ]; then
    # TERM, which the group is sent, ends a wait but not the watcher.
    while kill -0 "$rf_watcher" 2>/dev/null; do wait "$rf_watcher"; done
fi
rf_list
if { [ -n "$rf_owner_looks" ] || [ ! -e /proc/self/environ ] || [ "$rf_listed" != "$rf_before" ]; } && rf_any; then
    rf_politely "$rf_parcel" >/dev/null 2>&1 &
    while rf_any; do sleep 0.05 2>/dev/null || sleep 1; done
fi
if [ -n "$rf_parcel" ]; then
    rf_alone
    rf_say returning
    printf '\036%s files\036' "$rf_parcel"
    # What ends the agent does not end this.
    (trap '' HUP INT TERM && exec tar -cf - .)
    rf_say returned "$?"
fi
kill -KILL 0
exit "$rf_code"
