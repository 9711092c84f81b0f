#!/usr/bin/env bash
# One task, and for each way in which it can end the next thing to do: a wrapper to start from.
#   examples/wrapper.sh 'fix the failing test' [OPTIONS OF ringfence run...]
set -uo pipefail
task=${1:?usage: examples/wrapper.sh TASK [OPTIONS]}
result=$(mktemp) || exit 70
trap 'rm -f "$result"' EXIT
field() { jq -r "$1 // empty" "$result"; }
say() { echo "wrapper: $*" >&2; }

ringfence run --json "${@:2}" "$task" >"$result"
code=$?
case $code in
0)
    field .output
    field '.attachments[].path' | while read -r path; do say "it made $path"; done
    ;;
1) # The agent ran and failed, or ran out of memory: its work so far is in the workspace.
    say "$(field .message)"
    git diff --stat 2>/dev/null >&2 || true
    ;;
75) # ringfence has tried run.max_attempts times already: whoever called this may call it again later.
    say "again in $(($(field '.retryAfterMs // 600000') / 1000)) s: $(field .message)"
    ;;
77) say "somebody has to log in or add credit: $(field .hint)" ;;
69 | 78) say "this machine is not set up: $(field .message); $(field .hint)" ;;
124) say "too slow: $(field .message); $(field .hint)" ;;
2) say "called wrongly: $(field .message)" ;;
*) say "$(field .class): $(field .message)" ;; # 70 a defect, 128+n a signal
esac
exit $code
