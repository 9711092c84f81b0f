#!/usr/bin/env bash
# A queue of tasks overnight: run it from cron or by hand, and run it again after a crash: it goes on with what is left.
#   examples/batch.sh [QUEUE.jsonl] [OPTIONS OF ringfence run...]
set -uo pipefail
queue=${1:-$(dirname "$0")/tasks.jsonl}
results=${queue%.jsonl}.results.jsonl

ringfence run --batch "$queue" --results "$results" -j 2 --max-attempts 5 --max-cost 20 "${@:2}"
code=$?
case $code in
    0) echo "all done: $results" ;;
    1) ringfence dead-letter list ;; # mend what they name, then: ringfence dead-letter replay --all
    *) echo "stopped with $code; the same command goes on with what is left" ;;
esac
exit $code
