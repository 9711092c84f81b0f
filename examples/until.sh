#!/usr/bin/env bash
# Work until a check passes: the agent gets the check's own words, again and again, until it succeeds or its turns are used up.
#   examples/until.sh 'make check' [TURNS] [OPTIONS OF ringfence run...]
set -uo pipefail
check=${1:?usage: examples/until.sh CHECK [TURNS] [OPTIONS]}
turns=${2:-5}

for ((turn = 1; ; turn++)); do
    if words=$(bash -c "$check" 2>&1); then
        echo "passes after $((turn - 1)) turns: $check"
        exit 0
    fi
    if ((turn > turns)); then
        echo "still fails after $turns turns: $check" >&2
        exit 1
    fi
    printf 'The command `%s` fails. Mend the code, not the check. Its last words:\n\n%s\n' "$check" "$(tail -n 60 <<<"$words")" |
        ringfence run "${@:3}"
    code=$?
    # A turn that failed or took too long may have helped all the same; anything else would be met again.
    case $code in 0 | 1 | 124) ;; *) exit $code ;; esac
done
