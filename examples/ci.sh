#!/usr/bin/env bash
# A CI job: first whether runs work here at all, then the tasks, and for every exit code what it means.
#   RINGFENCE_MODE=docker examples/ci.sh 'fix the failing test' 'update the changelog'
set -uo pipefail

# explain CODE: what the one who reads the job's log can do.
explain() {
    case $1 in
    2 | 78) echo "the command line or the configuration is wrong" ;;
    69) echo "something that must be there is not: the engine, the image, the network or the agent" ;;
    75) echo "it may pass: run this job again later" ;;
    77) echo "log in, or add credit: the agent's account does not let it work" ;;
    124) echo "a limit was reached" ;;
    *) echo "it failed" ;;
    esac
}

# Its lines name what to type where something is not as it should be. --live asks the model for one word.
ringfence sandbox doctor --live || {
    code=$?
    echo "not begun: $(explain $code)" >&2
    exit $code
}

failed=0
for task in "$@"; do
    ringfence run --timeout 30m "$task"
    code=$?
    [ $code = 0 ] && continue
    echo "${task%%$'\n'*}: $(explain $code)" >&2
    # What the task did is no reason to leave the others; what the next one would meet as well is.
    case $code in 1 | 124) failed=1 ;; *) exit $code ;; esac
done
exit $failed
