#!/usr/bin/env bash
# A loop of agents over stories, in warm sandboxes that are made once: claude does each story, and codex reviews it.
#   examples/loop.sh STORY.md...     in the current folder; LOOP_ID names the loop
set -euo pipefail
loop=${LOOP_ID:-$(basename "$PWD")-$$}
[ $# -gt 0 ] || { sed -n '2,3s/^# *//p' "$0" >&2; exit 2; }

trap 'ringfence sandbox rm --loop "$loop" >/dev/null' EXIT
for agent in claude codex; do
    ringfence sandbox create --if-missing --loop "$loop" --agent "$agent" >/dev/null
done

for story; do
    echo "== $story"
    ringfence run --loop "$loop" --agent claude --file "$story"
    { echo "Review what was done for this story, and mend what is wrong:"; cat "$story"; } |
        ringfence run --loop "$loop" --agent codex
done
