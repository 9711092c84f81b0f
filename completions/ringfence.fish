# Print an optspec for argparse to handle cmd's options that are independent of any subcommand.
function __fish_ringfence_global_optspecs
    string join \n config= mode= json q/quiet v/verbose color= no-input h/help V/version
end

function __fish_ringfence_needs_command
    # Figure out if the current invocation already has a command.
    set -l cmd (commandline -opc)
    set -e cmd[1]
    argparse -s (__fish_ringfence_global_optspecs) -- $cmd 2>/dev/null
    or return
    if set -q argv[1]
        # Also print the command, so this can be used to figure out what it is.
        echo $argv[1]
        return 1
    end
    return 0
end

function __fish_ringfence_using_subcommand
    set -l cmd (__fish_ringfence_needs_command)
    test -z "$cmd"
    and return 1
    contains -- $cmd[1] $argv
end

complete -c ringfence -n "__fish_ringfence_needs_command" -l config -d 'Configuration file instead of the one in the user\'s config folder' -r -F
complete -c ringfence -n "__fish_ringfence_needs_command" -l mode -d 'Where agents run; `sandbox` is the configured container mode' -r -f -a "host\t''
docker\t''
apple\t''
sandbox\t''"
complete -c ringfence -n "__fish_ringfence_needs_command" -l color -d 'Colour: decided by the terminal, or fixed' -r -f -a "auto\t'On a terminal that can, unless `NO_COLOR` is set'
always\t'Always'
never\t'Never'"
complete -c ringfence -n "__fish_ringfence_needs_command" -l json -d 'Print exactly one JSON object on standard output, also on failure'
complete -c ringfence -n "__fish_ringfence_needs_command" -s q -l quiet -d 'No progress and no warnings on standard error'
complete -c ringfence -n "__fish_ringfence_needs_command" -s v -l verbose -d 'Echo every external command as `+ …` on standard error, secrets redacted'
complete -c ringfence -n "__fish_ringfence_needs_command" -l no-input -d 'Never ask anything'
complete -c ringfence -n "__fish_ringfence_needs_command" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c ringfence -n "__fish_ringfence_needs_command" -s V -l version -d 'Print version'
complete -c ringfence -n "__fish_ringfence_needs_command" -f -a "run" -d 'Run an agent on one task and report how it ended'
complete -c ringfence -n "__fish_ringfence_needs_command" -f -a "sandbox" -d 'Look at, set up and build the sandbox'
complete -c ringfence -n "__fish_ringfence_needs_command" -f -a "auth" -d 'Find out whether an agent\'s login works'
complete -c ringfence -n "__fish_ringfence_needs_command" -f -a "dead-letter" -d 'Look at tasks that failed for good, and run them again'
complete -c ringfence -n "__fish_ringfence_needs_command" -f -a "completions" -d 'Print a shell\'s completion script'
complete -c ringfence -n "__fish_ringfence_needs_command" -f -a "schema" -d 'Print the JSON Schema of what a command prints for programs'
complete -c ringfence -n "__fish_ringfence_needs_command" -f -a "man" -d 'Print the manual page'
complete -c ringfence -n "__fish_ringfence_needs_command" -f -a "help" -d 'Print this message or the help of the given subcommand(s)'
complete -c ringfence -n "__fish_ringfence_using_subcommand run" -s f -l file -d 'Read the task from a file; `-` is standard input' -r -F
complete -c ringfence -n "__fish_ringfence_using_subcommand run" -s a -l agent -d 'The agent' -r -f -a "claude\t''
codex\t''
opencode\t''
shell\t''"
complete -c ringfence -n "__fish_ringfence_using_subcommand run" -s C -l workspace -d 'The folder the agent works in (default: the current one)' -r -f -a "(__fish_complete_directories)"
complete -c ringfence -n "__fish_ringfence_using_subcommand run" -s m -l model -d 'The model, in the agent\'s own spelling' -r
complete -c ringfence -n "__fish_ringfence_using_subcommand run" -l image -l template -d 'Container image' -r
complete -c ringfence -n "__fish_ringfence_using_subcommand run" -l network -d 'Container network: bridge, none, or a network\'s name' -r
complete -c ringfence -n "__fish_ringfence_using_subcommand run" -l memory -d 'Memory limit, such as 4g' -r
complete -c ringfence -n "__fish_ringfence_using_subcommand run" -l cpus -d 'CPU limit, such as 2 or 1.5' -r
complete -c ringfence -n "__fish_ringfence_using_subcommand run" -l mount -d 'Mount a further folder or file; read-only with `:ro` (repeatable)' -r
complete -c ringfence -n "__fish_ringfence_using_subcommand run" -s e -l env -d 'Hand in a variable, with a value or from the caller\'s environment (repeatable)' -r
complete -c ringfence -n "__fish_ringfence_using_subcommand run" -l timeout -d 'Wall clock limit, such as 30m or 1h30m; 0 is none' -r
complete -c ringfence -n "__fish_ringfence_using_subcommand run" -l idle-timeout -d 'Limit on the agent\'s silence; 0 is none' -r
complete -c ringfence -n "__fish_ringfence_using_subcommand run" -l grace -d 'Time between asking the agent to end (TERM) and ending it (KILL)' -r
complete -c ringfence -n "__fish_ringfence_using_subcommand run" -l max-attempts -d 'Total runs of the task when it fails in a way that may pass' -r
complete -c ringfence -n "__fish_ringfence_using_subcommand run" -l sandbox -d 'Run in this warm sandbox (sandbox create)' -r
complete -c ringfence -n "__fish_ringfence_using_subcommand run" -l loop -d 'Run in the warm sandbox of this loop, or in a throwaway container where there is none' -r
complete -c ringfence -n "__fish_ringfence_using_subcommand run" -l allow-host -d 'Allow network traffic to this host only (repeatable)' -r
complete -c ringfence -n "__fish_ringfence_using_subcommand run" -l fallback -d 'Run on the host, with a warning, when the container mode cannot start' -r -f -a "host\t''"
complete -c ringfence -n "__fish_ringfence_using_subcommand run" -l events -d 'Append event lines for every attempt to this file' -r -F
complete -c ringfence -n "__fish_ringfence_using_subcommand run" -l max-cost -d 'Begin no further attempt once this much is spent, in US dollars (for a batch: by all of its tasks)' -r
complete -c ringfence -n "__fish_ringfence_using_subcommand run" -l batch -d 'Run the tasks of this file, one JSON object a line: {"task", "agent"?, "workspace"?, "model"?, "timeout"?, "id"?}' -r -F
complete -c ringfence -n "__fish_ringfence_using_subcommand run" -s j -l jobs -d 'Tasks of a batch at a time (default, and at most: `run.max_concurrency`)' -r
complete -c ringfence -n "__fish_ringfence_using_subcommand run" -l results -d 'Append the results of a batch to this file, and run what is not in it yet (default: standard output)' -r -F
complete -c ringfence -n "__fish_ringfence_using_subcommand run" -l config -d 'Configuration file instead of the one in the user\'s config folder' -r -F
complete -c ringfence -n "__fish_ringfence_using_subcommand run" -l mode -d 'Where agents run; `sandbox` is the configured container mode' -r -f -a "host\t''
docker\t''
apple\t''
sandbox\t''"
complete -c ringfence -n "__fish_ringfence_using_subcommand run" -l color -d 'Colour: decided by the terminal, or fixed' -r -f -a "auto\t'On a terminal that can, unless `NO_COLOR` is set'
always\t'Always'
never\t'Never'"
complete -c ringfence -n "__fish_ringfence_using_subcommand run" -l dead-letter -d 'Keep the task as a dead letter if it fails for good: see `ringfence dead-letter`'
complete -c ringfence -n "__fish_ringfence_using_subcommand run" -l shared-workspace -d 'Let tasks of a batch work in one workspace at the same time'
complete -c ringfence -n "__fish_ringfence_using_subcommand run" -l json-stream -d 'Print a JSON line for everything that happens, the last of them the object of --json: see `ringfence schema events`'
complete -c ringfence -n "__fish_ringfence_using_subcommand run" -l raw -d 'Pass the agent\'s own stream through untouched (a model\'s control characters reach a terminal as JSON escapes only)'
complete -c ringfence -n "__fish_ringfence_using_subcommand run" -l dry-run -d 'Print the external commands and run nothing'
complete -c ringfence -n "__fish_ringfence_using_subcommand run" -l json -d 'Print exactly one JSON object on standard output, also on failure'
complete -c ringfence -n "__fish_ringfence_using_subcommand run" -s q -l quiet -d 'No progress and no warnings on standard error'
complete -c ringfence -n "__fish_ringfence_using_subcommand run" -s v -l verbose -d 'Echo every external command as `+ …` on standard error, secrets redacted'
complete -c ringfence -n "__fish_ringfence_using_subcommand run" -l no-input -d 'Never ask anything'
complete -c ringfence -n "__fish_ringfence_using_subcommand run" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c ringfence -n "__fish_ringfence_using_subcommand sandbox; and not __fish_seen_subcommand_from show doctor set build-image create exec ls stop rm save prune help" -l config -d 'Configuration file instead of the one in the user\'s config folder' -r -F
complete -c ringfence -n "__fish_ringfence_using_subcommand sandbox; and not __fish_seen_subcommand_from show doctor set build-image create exec ls stop rm save prune help" -l mode -d 'Where agents run; `sandbox` is the configured container mode' -r -f -a "host\t''
docker\t''
apple\t''
sandbox\t''"
complete -c ringfence -n "__fish_ringfence_using_subcommand sandbox; and not __fish_seen_subcommand_from show doctor set build-image create exec ls stop rm save prune help" -l color -d 'Colour: decided by the terminal, or fixed' -r -f -a "auto\t'On a terminal that can, unless `NO_COLOR` is set'
always\t'Always'
never\t'Never'"
complete -c ringfence -n "__fish_ringfence_using_subcommand sandbox; and not __fish_seen_subcommand_from show doctor set build-image create exec ls stop rm save prune help" -l json -d 'Print exactly one JSON object on standard output, also on failure'
complete -c ringfence -n "__fish_ringfence_using_subcommand sandbox; and not __fish_seen_subcommand_from show doctor set build-image create exec ls stop rm save prune help" -s q -l quiet -d 'No progress and no warnings on standard error'
complete -c ringfence -n "__fish_ringfence_using_subcommand sandbox; and not __fish_seen_subcommand_from show doctor set build-image create exec ls stop rm save prune help" -s v -l verbose -d 'Echo every external command as `+ …` on standard error, secrets redacted'
complete -c ringfence -n "__fish_ringfence_using_subcommand sandbox; and not __fish_seen_subcommand_from show doctor set build-image create exec ls stop rm save prune help" -l no-input -d 'Never ask anything'
complete -c ringfence -n "__fish_ringfence_using_subcommand sandbox; and not __fish_seen_subcommand_from show doctor set build-image create exec ls stop rm save prune help" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c ringfence -n "__fish_ringfence_using_subcommand sandbox; and not __fish_seen_subcommand_from show doctor set build-image create exec ls stop rm save prune help" -f -a "show" -d 'Show every effective value with its origin, and what each mode guarantees'
complete -c ringfence -n "__fish_ringfence_using_subcommand sandbox; and not __fish_seen_subcommand_from show doctor set build-image create exec ls stop rm save prune help" -f -a "doctor" -d 'Find out whether runs work here: the real path, every step of it, and what to type where one does not'
complete -c ringfence -n "__fish_ringfence_using_subcommand sandbox; and not __fish_seen_subcommand_from show doctor set build-image create exec ls stop rm save prune help" -f -a "set" -d 'Change the configuration file: a mode, or any key'
complete -c ringfence -n "__fish_ringfence_using_subcommand sandbox; and not __fish_seen_subcommand_from show doctor set build-image create exec ls stop rm save prune help" -f -a "build-image" -d 'Build the worker image that container modes run in'
complete -c ringfence -n "__fish_ringfence_using_subcommand sandbox; and not __fish_seen_subcommand_from show doctor set build-image create exec ls stop rm save prune help" -f -a "create" -d 'Make a warm sandbox: a hardened container that stays, for many runs'
complete -c ringfence -n "__fish_ringfence_using_subcommand sandbox; and not __fish_seen_subcommand_from show doctor set build-image create exec ls stop rm save prune help" -f -a "exec" -d 'Run a command of your own in a warm sandbox'
complete -c ringfence -n "__fish_ringfence_using_subcommand sandbox; and not __fish_seen_subcommand_from show doctor set build-image create exec ls stop rm save prune help" -f -a "ls" -d 'List the warm sandboxes'
complete -c ringfence -n "__fish_ringfence_using_subcommand sandbox; and not __fish_seen_subcommand_from show doctor set build-image create exec ls stop rm save prune help" -f -a "stop" -d 'Stop warm sandboxes; the next run or exec starts them again, with an empty home'
complete -c ringfence -n "__fish_ringfence_using_subcommand sandbox; and not __fish_seen_subcommand_from show doctor set build-image create exec ls stop rm save prune help" -f -a "rm" -d 'Remove warm sandboxes, with whatever runs in them'
complete -c ringfence -n "__fish_ringfence_using_subcommand sandbox; and not __fish_seen_subcommand_from show doctor set build-image create exec ls stop rm save prune help" -f -a "save" -d 'Save what was installed in a warm sandbox as an image'
complete -c ringfence -n "__fish_ringfence_using_subcommand sandbox; and not __fish_seen_subcommand_from show doctor set build-image create exec ls stop rm save prune help" -f -a "prune" -d 'Remove containers whose owner died, and old warm sandboxes'
complete -c ringfence -n "__fish_ringfence_using_subcommand sandbox; and not __fish_seen_subcommand_from show doctor set build-image create exec ls stop rm save prune help" -f -a "help" -d 'Print this message or the help of the given subcommand(s)'
complete -c ringfence -n "__fish_ringfence_using_subcommand sandbox; and __fish_seen_subcommand_from show" -l config -d 'Configuration file instead of the one in the user\'s config folder' -r -F
complete -c ringfence -n "__fish_ringfence_using_subcommand sandbox; and __fish_seen_subcommand_from show" -l mode -d 'Where agents run; `sandbox` is the configured container mode' -r -f -a "host\t''
docker\t''
apple\t''
sandbox\t''"
complete -c ringfence -n "__fish_ringfence_using_subcommand sandbox; and __fish_seen_subcommand_from show" -l color -d 'Colour: decided by the terminal, or fixed' -r -f -a "auto\t'On a terminal that can, unless `NO_COLOR` is set'
always\t'Always'
never\t'Never'"
complete -c ringfence -n "__fish_ringfence_using_subcommand sandbox; and __fish_seen_subcommand_from show" -l json -d 'Print exactly one JSON object on standard output, also on failure'
complete -c ringfence -n "__fish_ringfence_using_subcommand sandbox; and __fish_seen_subcommand_from show" -s q -l quiet -d 'No progress and no warnings on standard error'
complete -c ringfence -n "__fish_ringfence_using_subcommand sandbox; and __fish_seen_subcommand_from show" -s v -l verbose -d 'Echo every external command as `+ …` on standard error, secrets redacted'
complete -c ringfence -n "__fish_ringfence_using_subcommand sandbox; and __fish_seen_subcommand_from show" -l no-input -d 'Never ask anything'
complete -c ringfence -n "__fish_ringfence_using_subcommand sandbox; and __fish_seen_subcommand_from show" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c ringfence -n "__fish_ringfence_using_subcommand sandbox; and __fish_seen_subcommand_from doctor" -s a -l agent -d 'Agent to check (repeatable; default: the configured one)' -r -f -a "claude\t''
codex\t''
opencode\t''
shell\t''"
complete -c ringfence -n "__fish_ringfence_using_subcommand sandbox; and __fish_seen_subcommand_from doctor" -s C -l workspace -d 'The folder agents would work in (default: the current one)' -r -f -a "(__fish_complete_directories)"
complete -c ringfence -n "__fish_ringfence_using_subcommand sandbox; and __fish_seen_subcommand_from doctor" -l config -d 'Configuration file instead of the one in the user\'s config folder' -r -F
complete -c ringfence -n "__fish_ringfence_using_subcommand sandbox; and __fish_seen_subcommand_from doctor" -l mode -d 'Where agents run; `sandbox` is the configured container mode' -r -f -a "host\t''
docker\t''
apple\t''
sandbox\t''"
complete -c ringfence -n "__fish_ringfence_using_subcommand sandbox; and __fish_seen_subcommand_from doctor" -l color -d 'Colour: decided by the terminal, or fixed' -r -f -a "auto\t'On a terminal that can, unless `NO_COLOR` is set'
always\t'Always'
never\t'Never'"
complete -c ringfence -n "__fish_ringfence_using_subcommand sandbox; and __fish_seen_subcommand_from doctor" -l quick -d 'Only look: start nothing, neither a sandbox nor an agent in one'
complete -c ringfence -n "__fish_ringfence_using_subcommand sandbox; and __fish_seen_subcommand_from doctor" -l live -d 'Ask each agent\'s model for one word'
complete -c ringfence -n "__fish_ringfence_using_subcommand sandbox; and __fish_seen_subcommand_from doctor" -l json -d 'Print exactly one JSON object on standard output, also on failure'
complete -c ringfence -n "__fish_ringfence_using_subcommand sandbox; and __fish_seen_subcommand_from doctor" -s q -l quiet -d 'No progress and no warnings on standard error'
complete -c ringfence -n "__fish_ringfence_using_subcommand sandbox; and __fish_seen_subcommand_from doctor" -s v -l verbose -d 'Echo every external command as `+ …` on standard error, secrets redacted'
complete -c ringfence -n "__fish_ringfence_using_subcommand sandbox; and __fish_seen_subcommand_from doctor" -l no-input -d 'Never ask anything'
complete -c ringfence -n "__fish_ringfence_using_subcommand sandbox; and __fish_seen_subcommand_from doctor" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c ringfence -n "__fish_ringfence_using_subcommand sandbox; and __fish_seen_subcommand_from set" -l config -d 'Configuration file instead of the one in the user\'s config folder' -r -F
complete -c ringfence -n "__fish_ringfence_using_subcommand sandbox; and __fish_seen_subcommand_from set" -l mode -d 'Where agents run; `sandbox` is the configured container mode' -r -f -a "host\t''
docker\t''
apple\t''
sandbox\t''"
complete -c ringfence -n "__fish_ringfence_using_subcommand sandbox; and __fish_seen_subcommand_from set" -l color -d 'Colour: decided by the terminal, or fixed' -r -f -a "auto\t'On a terminal that can, unless `NO_COLOR` is set'
always\t'Always'
never\t'Never'"
complete -c ringfence -n "__fish_ringfence_using_subcommand sandbox; and __fish_seen_subcommand_from set" -l json -d 'Print exactly one JSON object on standard output, also on failure'
complete -c ringfence -n "__fish_ringfence_using_subcommand sandbox; and __fish_seen_subcommand_from set" -s q -l quiet -d 'No progress and no warnings on standard error'
complete -c ringfence -n "__fish_ringfence_using_subcommand sandbox; and __fish_seen_subcommand_from set" -s v -l verbose -d 'Echo every external command as `+ …` on standard error, secrets redacted'
complete -c ringfence -n "__fish_ringfence_using_subcommand sandbox; and __fish_seen_subcommand_from set" -l no-input -d 'Never ask anything'
complete -c ringfence -n "__fish_ringfence_using_subcommand sandbox; and __fish_seen_subcommand_from set" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c ringfence -n "__fish_ringfence_using_subcommand sandbox; and __fish_seen_subcommand_from build-image" -l tag -d 'Name of the new image (default: the configured one)' -r
complete -c ringfence -n "__fish_ringfence_using_subcommand sandbox; and __fish_seen_subcommand_from build-image" -l base -d 'Image to build on: Debian or one of its kin' -r
complete -c ringfence -n "__fish_ringfence_using_subcommand sandbox; and __fish_seen_subcommand_from build-image" -l agent -d 'Agent to install (repeatable; default: all)' -r -f -a "claude\t''
codex\t''
opencode\t''"
complete -c ringfence -n "__fish_ringfence_using_subcommand sandbox; and __fish_seen_subcommand_from build-image" -l agent-version -d 'Version of an agent, as its registry knows it (repeatable; default: latest)' -r
complete -c ringfence -n "__fish_ringfence_using_subcommand sandbox; and __fish_seen_subcommand_from build-image" -l ca-cert -d 'Trust the certificates in this PEM file, during the build and in the image (default: those of `$NODE_EXTRA_CA_CERTS`, else `$SSL_CERT_FILE`)' -r -F
complete -c ringfence -n "__fish_ringfence_using_subcommand sandbox; and __fish_seen_subcommand_from build-image" -l config -d 'Configuration file instead of the one in the user\'s config folder' -r -F
complete -c ringfence -n "__fish_ringfence_using_subcommand sandbox; and __fish_seen_subcommand_from build-image" -l mode -d 'Where agents run; `sandbox` is the configured container mode' -r -f -a "host\t''
docker\t''
apple\t''
sandbox\t''"
complete -c ringfence -n "__fish_ringfence_using_subcommand sandbox; and __fish_seen_subcommand_from build-image" -l color -d 'Colour: decided by the terminal, or fixed' -r -f -a "auto\t'On a terminal that can, unless `NO_COLOR` is set'
always\t'Always'
never\t'Never'"
complete -c ringfence -n "__fish_ringfence_using_subcommand sandbox; and __fish_seen_subcommand_from build-image" -l no-cache -d 'Use no layer of an earlier build'
complete -c ringfence -n "__fish_ringfence_using_subcommand sandbox; and __fish_seen_subcommand_from build-image" -l pull -d 'Ask the registry for a newer base image'
complete -c ringfence -n "__fish_ringfence_using_subcommand sandbox; and __fish_seen_subcommand_from build-image" -l print -d 'Print the Dockerfile and build nothing'
complete -c ringfence -n "__fish_ringfence_using_subcommand sandbox; and __fish_seen_subcommand_from build-image" -l json -d 'Print exactly one JSON object on standard output, also on failure'
complete -c ringfence -n "__fish_ringfence_using_subcommand sandbox; and __fish_seen_subcommand_from build-image" -s q -l quiet -d 'No progress and no warnings on standard error'
complete -c ringfence -n "__fish_ringfence_using_subcommand sandbox; and __fish_seen_subcommand_from build-image" -s v -l verbose -d 'Echo every external command as `+ …` on standard error, secrets redacted'
complete -c ringfence -n "__fish_ringfence_using_subcommand sandbox; and __fish_seen_subcommand_from build-image" -l no-input -d 'Never ask anything'
complete -c ringfence -n "__fish_ringfence_using_subcommand sandbox; and __fish_seen_subcommand_from build-image" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c ringfence -n "__fish_ringfence_using_subcommand sandbox; and __fish_seen_subcommand_from create" -s a -l agent -d 'The agent it is for' -r -f -a "claude\t''
codex\t''
opencode\t''
shell\t''"
complete -c ringfence -n "__fish_ringfence_using_subcommand sandbox; and __fish_seen_subcommand_from create" -l loop -d 'The loop it is for: `run --loop ID` then finds it' -r
complete -c ringfence -n "__fish_ringfence_using_subcommand sandbox; and __fish_seen_subcommand_from create" -s C -l workspace -d 'The folder it is for (default: the current one)' -r -f -a "(__fish_complete_directories)"
complete -c ringfence -n "__fish_ringfence_using_subcommand sandbox; and __fish_seen_subcommand_from create" -l image -l template -d 'Container image' -r
complete -c ringfence -n "__fish_ringfence_using_subcommand sandbox; and __fish_seen_subcommand_from create" -l network -d 'Container network: bridge, none, or a network\'s name' -r
complete -c ringfence -n "__fish_ringfence_using_subcommand sandbox; and __fish_seen_subcommand_from create" -l memory -d 'Memory limit, such as 4g' -r
complete -c ringfence -n "__fish_ringfence_using_subcommand sandbox; and __fish_seen_subcommand_from create" -l cpus -d 'CPU limit, such as 2 or 1.5' -r
complete -c ringfence -n "__fish_ringfence_using_subcommand sandbox; and __fish_seen_subcommand_from create" -l mount -d 'Mount a further folder or file; read-only with `:ro` (repeatable)' -r
complete -c ringfence -n "__fish_ringfence_using_subcommand sandbox; and __fish_seen_subcommand_from create" -l config -d 'Configuration file instead of the one in the user\'s config folder' -r -F
complete -c ringfence -n "__fish_ringfence_using_subcommand sandbox; and __fish_seen_subcommand_from create" -l mode -d 'Where agents run; `sandbox` is the configured container mode' -r -f -a "host\t''
docker\t''
apple\t''
sandbox\t''"
complete -c ringfence -n "__fish_ringfence_using_subcommand sandbox; and __fish_seen_subcommand_from create" -l color -d 'Colour: decided by the terminal, or fixed' -r -f -a "auto\t'On a terminal that can, unless `NO_COLOR` is set'
always\t'Always'
never\t'Never'"
complete -c ringfence -n "__fish_ringfence_using_subcommand sandbox; and __fish_seen_subcommand_from create" -l if-missing -d 'It is no error that it is there already'
complete -c ringfence -n "__fish_ringfence_using_subcommand sandbox; and __fish_seen_subcommand_from create" -l json -d 'Print exactly one JSON object on standard output, also on failure'
complete -c ringfence -n "__fish_ringfence_using_subcommand sandbox; and __fish_seen_subcommand_from create" -s q -l quiet -d 'No progress and no warnings on standard error'
complete -c ringfence -n "__fish_ringfence_using_subcommand sandbox; and __fish_seen_subcommand_from create" -s v -l verbose -d 'Echo every external command as `+ …` on standard error, secrets redacted'
complete -c ringfence -n "__fish_ringfence_using_subcommand sandbox; and __fish_seen_subcommand_from create" -l no-input -d 'Never ask anything'
complete -c ringfence -n "__fish_ringfence_using_subcommand sandbox; and __fish_seen_subcommand_from create" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c ringfence -n "__fish_ringfence_using_subcommand sandbox; and __fish_seen_subcommand_from exec" -s e -l env -d 'Hand in a variable, with a value or from the caller\'s environment (repeatable)' -r
complete -c ringfence -n "__fish_ringfence_using_subcommand sandbox; and __fish_seen_subcommand_from exec" -s w -l workdir -d 'The folder to start in, as the sandbox calls it (default: its workspace)' -r
complete -c ringfence -n "__fish_ringfence_using_subcommand sandbox; and __fish_seen_subcommand_from exec" -s a -l agent -d 'Whose credential to hand in (default: the command\'s own, where that is an agent)' -r -f -a "claude\t''
codex\t''
opencode\t''
shell\t''"
complete -c ringfence -n "__fish_ringfence_using_subcommand sandbox; and __fish_seen_subcommand_from exec" -l config -d 'Configuration file instead of the one in the user\'s config folder' -r -F
complete -c ringfence -n "__fish_ringfence_using_subcommand sandbox; and __fish_seen_subcommand_from exec" -l mode -d 'Where agents run; `sandbox` is the configured container mode' -r -f -a "host\t''
docker\t''
apple\t''
sandbox\t''"
complete -c ringfence -n "__fish_ringfence_using_subcommand sandbox; and __fish_seen_subcommand_from exec" -l color -d 'Colour: decided by the terminal, or fixed' -r -f -a "auto\t'On a terminal that can, unless `NO_COLOR` is set'
always\t'Always'
never\t'Never'"
complete -c ringfence -n "__fish_ringfence_using_subcommand sandbox; and __fish_seen_subcommand_from exec" -s i -l interactive -d 'Give the command our standard input'
complete -c ringfence -n "__fish_ringfence_using_subcommand sandbox; and __fish_seen_subcommand_from exec" -s t -l tty -d 'Give the command a terminal'
complete -c ringfence -n "__fish_ringfence_using_subcommand sandbox; and __fish_seen_subcommand_from exec" -l json -d 'Print exactly one JSON object on standard output, also on failure'
complete -c ringfence -n "__fish_ringfence_using_subcommand sandbox; and __fish_seen_subcommand_from exec" -s q -l quiet -d 'No progress and no warnings on standard error'
complete -c ringfence -n "__fish_ringfence_using_subcommand sandbox; and __fish_seen_subcommand_from exec" -s v -l verbose -d 'Echo every external command as `+ …` on standard error, secrets redacted'
complete -c ringfence -n "__fish_ringfence_using_subcommand sandbox; and __fish_seen_subcommand_from exec" -l no-input -d 'Never ask anything'
complete -c ringfence -n "__fish_ringfence_using_subcommand sandbox; and __fish_seen_subcommand_from exec" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c ringfence -n "__fish_ringfence_using_subcommand sandbox; and __fish_seen_subcommand_from ls" -l config -d 'Configuration file instead of the one in the user\'s config folder' -r -F
complete -c ringfence -n "__fish_ringfence_using_subcommand sandbox; and __fish_seen_subcommand_from ls" -l mode -d 'Where agents run; `sandbox` is the configured container mode' -r -f -a "host\t''
docker\t''
apple\t''
sandbox\t''"
complete -c ringfence -n "__fish_ringfence_using_subcommand sandbox; and __fish_seen_subcommand_from ls" -l color -d 'Colour: decided by the terminal, or fixed' -r -f -a "auto\t'On a terminal that can, unless `NO_COLOR` is set'
always\t'Always'
never\t'Never'"
complete -c ringfence -n "__fish_ringfence_using_subcommand sandbox; and __fish_seen_subcommand_from ls" -l json -d 'Print exactly one JSON object on standard output, also on failure'
complete -c ringfence -n "__fish_ringfence_using_subcommand sandbox; and __fish_seen_subcommand_from ls" -s q -l quiet -d 'No progress and no warnings on standard error'
complete -c ringfence -n "__fish_ringfence_using_subcommand sandbox; and __fish_seen_subcommand_from ls" -s v -l verbose -d 'Echo every external command as `+ …` on standard error, secrets redacted'
complete -c ringfence -n "__fish_ringfence_using_subcommand sandbox; and __fish_seen_subcommand_from ls" -l no-input -d 'Never ask anything'
complete -c ringfence -n "__fish_ringfence_using_subcommand sandbox; and __fish_seen_subcommand_from ls" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c ringfence -n "__fish_ringfence_using_subcommand sandbox; and __fish_seen_subcommand_from stop" -l config -d 'Configuration file instead of the one in the user\'s config folder' -r -F
complete -c ringfence -n "__fish_ringfence_using_subcommand sandbox; and __fish_seen_subcommand_from stop" -l mode -d 'Where agents run; `sandbox` is the configured container mode' -r -f -a "host\t''
docker\t''
apple\t''
sandbox\t''"
complete -c ringfence -n "__fish_ringfence_using_subcommand sandbox; and __fish_seen_subcommand_from stop" -l color -d 'Colour: decided by the terminal, or fixed' -r -f -a "auto\t'On a terminal that can, unless `NO_COLOR` is set'
always\t'Always'
never\t'Never'"
complete -c ringfence -n "__fish_ringfence_using_subcommand sandbox; and __fish_seen_subcommand_from stop" -l json -d 'Print exactly one JSON object on standard output, also on failure'
complete -c ringfence -n "__fish_ringfence_using_subcommand sandbox; and __fish_seen_subcommand_from stop" -s q -l quiet -d 'No progress and no warnings on standard error'
complete -c ringfence -n "__fish_ringfence_using_subcommand sandbox; and __fish_seen_subcommand_from stop" -s v -l verbose -d 'Echo every external command as `+ …` on standard error, secrets redacted'
complete -c ringfence -n "__fish_ringfence_using_subcommand sandbox; and __fish_seen_subcommand_from stop" -l no-input -d 'Never ask anything'
complete -c ringfence -n "__fish_ringfence_using_subcommand sandbox; and __fish_seen_subcommand_from stop" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c ringfence -n "__fish_ringfence_using_subcommand sandbox; and __fish_seen_subcommand_from rm" -l loop -d 'All of this loop' -r
complete -c ringfence -n "__fish_ringfence_using_subcommand sandbox; and __fish_seen_subcommand_from rm" -l config -d 'Configuration file instead of the one in the user\'s config folder' -r -F
complete -c ringfence -n "__fish_ringfence_using_subcommand sandbox; and __fish_seen_subcommand_from rm" -l mode -d 'Where agents run; `sandbox` is the configured container mode' -r -f -a "host\t''
docker\t''
apple\t''
sandbox\t''"
complete -c ringfence -n "__fish_ringfence_using_subcommand sandbox; and __fish_seen_subcommand_from rm" -l color -d 'Colour: decided by the terminal, or fixed' -r -f -a "auto\t'On a terminal that can, unless `NO_COLOR` is set'
always\t'Always'
never\t'Never'"
complete -c ringfence -n "__fish_ringfence_using_subcommand sandbox; and __fish_seen_subcommand_from rm" -l all -d 'All there are'
complete -c ringfence -n "__fish_ringfence_using_subcommand sandbox; and __fish_seen_subcommand_from rm" -l json -d 'Print exactly one JSON object on standard output, also on failure'
complete -c ringfence -n "__fish_ringfence_using_subcommand sandbox; and __fish_seen_subcommand_from rm" -s q -l quiet -d 'No progress and no warnings on standard error'
complete -c ringfence -n "__fish_ringfence_using_subcommand sandbox; and __fish_seen_subcommand_from rm" -s v -l verbose -d 'Echo every external command as `+ …` on standard error, secrets redacted'
complete -c ringfence -n "__fish_ringfence_using_subcommand sandbox; and __fish_seen_subcommand_from rm" -l no-input -d 'Never ask anything'
complete -c ringfence -n "__fish_ringfence_using_subcommand sandbox; and __fish_seen_subcommand_from rm" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c ringfence -n "__fish_ringfence_using_subcommand sandbox; and __fish_seen_subcommand_from save" -l config -d 'Configuration file instead of the one in the user\'s config folder' -r -F
complete -c ringfence -n "__fish_ringfence_using_subcommand sandbox; and __fish_seen_subcommand_from save" -l mode -d 'Where agents run; `sandbox` is the configured container mode' -r -f -a "host\t''
docker\t''
apple\t''
sandbox\t''"
complete -c ringfence -n "__fish_ringfence_using_subcommand sandbox; and __fish_seen_subcommand_from save" -l color -d 'Colour: decided by the terminal, or fixed' -r -f -a "auto\t'On a terminal that can, unless `NO_COLOR` is set'
always\t'Always'
never\t'Never'"
complete -c ringfence -n "__fish_ringfence_using_subcommand sandbox; and __fish_seen_subcommand_from save" -l json -d 'Print exactly one JSON object on standard output, also on failure'
complete -c ringfence -n "__fish_ringfence_using_subcommand sandbox; and __fish_seen_subcommand_from save" -s q -l quiet -d 'No progress and no warnings on standard error'
complete -c ringfence -n "__fish_ringfence_using_subcommand sandbox; and __fish_seen_subcommand_from save" -s v -l verbose -d 'Echo every external command as `+ …` on standard error, secrets redacted'
complete -c ringfence -n "__fish_ringfence_using_subcommand sandbox; and __fish_seen_subcommand_from save" -l no-input -d 'Never ask anything'
complete -c ringfence -n "__fish_ringfence_using_subcommand sandbox; and __fish_seen_subcommand_from save" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c ringfence -n "__fish_ringfence_using_subcommand sandbox; and __fish_seen_subcommand_from prune" -l older-than -d 'Remove warm sandboxes that were made longer ago than this, too' -r
complete -c ringfence -n "__fish_ringfence_using_subcommand sandbox; and __fish_seen_subcommand_from prune" -l config -d 'Configuration file instead of the one in the user\'s config folder' -r -F
complete -c ringfence -n "__fish_ringfence_using_subcommand sandbox; and __fish_seen_subcommand_from prune" -l mode -d 'Where agents run; `sandbox` is the configured container mode' -r -f -a "host\t''
docker\t''
apple\t''
sandbox\t''"
complete -c ringfence -n "__fish_ringfence_using_subcommand sandbox; and __fish_seen_subcommand_from prune" -l color -d 'Colour: decided by the terminal, or fixed' -r -f -a "auto\t'On a terminal that can, unless `NO_COLOR` is set'
always\t'Always'
never\t'Never'"
complete -c ringfence -n "__fish_ringfence_using_subcommand sandbox; and __fish_seen_subcommand_from prune" -l dry-run -d 'Say what would go, and remove nothing'
complete -c ringfence -n "__fish_ringfence_using_subcommand sandbox; and __fish_seen_subcommand_from prune" -l json -d 'Print exactly one JSON object on standard output, also on failure'
complete -c ringfence -n "__fish_ringfence_using_subcommand sandbox; and __fish_seen_subcommand_from prune" -s q -l quiet -d 'No progress and no warnings on standard error'
complete -c ringfence -n "__fish_ringfence_using_subcommand sandbox; and __fish_seen_subcommand_from prune" -s v -l verbose -d 'Echo every external command as `+ …` on standard error, secrets redacted'
complete -c ringfence -n "__fish_ringfence_using_subcommand sandbox; and __fish_seen_subcommand_from prune" -l no-input -d 'Never ask anything'
complete -c ringfence -n "__fish_ringfence_using_subcommand sandbox; and __fish_seen_subcommand_from prune" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c ringfence -n "__fish_ringfence_using_subcommand sandbox; and __fish_seen_subcommand_from help" -f -a "show" -d 'Show every effective value with its origin, and what each mode guarantees'
complete -c ringfence -n "__fish_ringfence_using_subcommand sandbox; and __fish_seen_subcommand_from help" -f -a "doctor" -d 'Find out whether runs work here: the real path, every step of it, and what to type where one does not'
complete -c ringfence -n "__fish_ringfence_using_subcommand sandbox; and __fish_seen_subcommand_from help" -f -a "set" -d 'Change the configuration file: a mode, or any key'
complete -c ringfence -n "__fish_ringfence_using_subcommand sandbox; and __fish_seen_subcommand_from help" -f -a "build-image" -d 'Build the worker image that container modes run in'
complete -c ringfence -n "__fish_ringfence_using_subcommand sandbox; and __fish_seen_subcommand_from help" -f -a "create" -d 'Make a warm sandbox: a hardened container that stays, for many runs'
complete -c ringfence -n "__fish_ringfence_using_subcommand sandbox; and __fish_seen_subcommand_from help" -f -a "exec" -d 'Run a command of your own in a warm sandbox'
complete -c ringfence -n "__fish_ringfence_using_subcommand sandbox; and __fish_seen_subcommand_from help" -f -a "ls" -d 'List the warm sandboxes'
complete -c ringfence -n "__fish_ringfence_using_subcommand sandbox; and __fish_seen_subcommand_from help" -f -a "stop" -d 'Stop warm sandboxes; the next run or exec starts them again, with an empty home'
complete -c ringfence -n "__fish_ringfence_using_subcommand sandbox; and __fish_seen_subcommand_from help" -f -a "rm" -d 'Remove warm sandboxes, with whatever runs in them'
complete -c ringfence -n "__fish_ringfence_using_subcommand sandbox; and __fish_seen_subcommand_from help" -f -a "save" -d 'Save what was installed in a warm sandbox as an image'
complete -c ringfence -n "__fish_ringfence_using_subcommand sandbox; and __fish_seen_subcommand_from help" -f -a "prune" -d 'Remove containers whose owner died, and old warm sandboxes'
complete -c ringfence -n "__fish_ringfence_using_subcommand sandbox; and __fish_seen_subcommand_from help" -f -a "help" -d 'Print this message or the help of the given subcommand(s)'
complete -c ringfence -n "__fish_ringfence_using_subcommand auth; and not __fish_seen_subcommand_from check help" -l config -d 'Configuration file instead of the one in the user\'s config folder' -r -F
complete -c ringfence -n "__fish_ringfence_using_subcommand auth; and not __fish_seen_subcommand_from check help" -l mode -d 'Where agents run; `sandbox` is the configured container mode' -r -f -a "host\t''
docker\t''
apple\t''
sandbox\t''"
complete -c ringfence -n "__fish_ringfence_using_subcommand auth; and not __fish_seen_subcommand_from check help" -l color -d 'Colour: decided by the terminal, or fixed' -r -f -a "auto\t'On a terminal that can, unless `NO_COLOR` is set'
always\t'Always'
never\t'Never'"
complete -c ringfence -n "__fish_ringfence_using_subcommand auth; and not __fish_seen_subcommand_from check help" -l json -d 'Print exactly one JSON object on standard output, also on failure'
complete -c ringfence -n "__fish_ringfence_using_subcommand auth; and not __fish_seen_subcommand_from check help" -s q -l quiet -d 'No progress and no warnings on standard error'
complete -c ringfence -n "__fish_ringfence_using_subcommand auth; and not __fish_seen_subcommand_from check help" -s v -l verbose -d 'Echo every external command as `+ …` on standard error, secrets redacted'
complete -c ringfence -n "__fish_ringfence_using_subcommand auth; and not __fish_seen_subcommand_from check help" -l no-input -d 'Never ask anything'
complete -c ringfence -n "__fish_ringfence_using_subcommand auth; and not __fish_seen_subcommand_from check help" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c ringfence -n "__fish_ringfence_using_subcommand auth; and not __fish_seen_subcommand_from check help" -f -a "check" -d 'Ask, step by step, whether a run of this agent would be logged in'
complete -c ringfence -n "__fish_ringfence_using_subcommand auth; and not __fish_seen_subcommand_from check help" -f -a "help" -d 'Print this message or the help of the given subcommand(s)'
complete -c ringfence -n "__fish_ringfence_using_subcommand auth; and __fish_seen_subcommand_from check" -l environment -d 'Where it would run (default: the configured mode)' -r -f -a "host\t'On the host'
sandbox\t'In the configured container mode'"
complete -c ringfence -n "__fish_ringfence_using_subcommand auth; and __fish_seen_subcommand_from check" -l timeout -d 'Wall clock limit of what is started, in seconds or such as 1m (default: 15 on the host, 20 in a container)' -r
complete -c ringfence -n "__fish_ringfence_using_subcommand auth; and __fish_seen_subcommand_from check" -s C -l workspace -d 'The folder the agent would work in (default: the current one)' -r -f -a "(__fish_complete_directories)"
complete -c ringfence -n "__fish_ringfence_using_subcommand auth; and __fish_seen_subcommand_from check" -l config -d 'Configuration file instead of the one in the user\'s config folder' -r -F
complete -c ringfence -n "__fish_ringfence_using_subcommand auth; and __fish_seen_subcommand_from check" -l mode -d 'Where agents run; `sandbox` is the configured container mode' -r -f -a "host\t''
docker\t''
apple\t''
sandbox\t''"
complete -c ringfence -n "__fish_ringfence_using_subcommand auth; and __fish_seen_subcommand_from check" -l color -d 'Colour: decided by the terminal, or fixed' -r -f -a "auto\t'On a terminal that can, unless `NO_COLOR` is set'
always\t'Always'
never\t'Never'"
complete -c ringfence -n "__fish_ringfence_using_subcommand auth; and __fish_seen_subcommand_from check" -l quick -d 'Stop before its model is asked for one word'
complete -c ringfence -n "__fish_ringfence_using_subcommand auth; and __fish_seen_subcommand_from check" -l json -d 'Print exactly one JSON object on standard output, also on failure'
complete -c ringfence -n "__fish_ringfence_using_subcommand auth; and __fish_seen_subcommand_from check" -s q -l quiet -d 'No progress and no warnings on standard error'
complete -c ringfence -n "__fish_ringfence_using_subcommand auth; and __fish_seen_subcommand_from check" -s v -l verbose -d 'Echo every external command as `+ …` on standard error, secrets redacted'
complete -c ringfence -n "__fish_ringfence_using_subcommand auth; and __fish_seen_subcommand_from check" -l no-input -d 'Never ask anything'
complete -c ringfence -n "__fish_ringfence_using_subcommand auth; and __fish_seen_subcommand_from check" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c ringfence -n "__fish_ringfence_using_subcommand auth; and __fish_seen_subcommand_from help" -f -a "check" -d 'Ask, step by step, whether a run of this agent would be logged in'
complete -c ringfence -n "__fish_ringfence_using_subcommand auth; and __fish_seen_subcommand_from help" -f -a "help" -d 'Print this message or the help of the given subcommand(s)'
complete -c ringfence -n "__fish_ringfence_using_subcommand dead-letter; and not __fish_seen_subcommand_from list show replay rm help" -l config -d 'Configuration file instead of the one in the user\'s config folder' -r -F
complete -c ringfence -n "__fish_ringfence_using_subcommand dead-letter; and not __fish_seen_subcommand_from list show replay rm help" -l mode -d 'Where agents run; `sandbox` is the configured container mode' -r -f -a "host\t''
docker\t''
apple\t''
sandbox\t''"
complete -c ringfence -n "__fish_ringfence_using_subcommand dead-letter; and not __fish_seen_subcommand_from list show replay rm help" -l color -d 'Colour: decided by the terminal, or fixed' -r -f -a "auto\t'On a terminal that can, unless `NO_COLOR` is set'
always\t'Always'
never\t'Never'"
complete -c ringfence -n "__fish_ringfence_using_subcommand dead-letter; and not __fish_seen_subcommand_from list show replay rm help" -l json -d 'Print exactly one JSON object on standard output, also on failure'
complete -c ringfence -n "__fish_ringfence_using_subcommand dead-letter; and not __fish_seen_subcommand_from list show replay rm help" -s q -l quiet -d 'No progress and no warnings on standard error'
complete -c ringfence -n "__fish_ringfence_using_subcommand dead-letter; and not __fish_seen_subcommand_from list show replay rm help" -s v -l verbose -d 'Echo every external command as `+ …` on standard error, secrets redacted'
complete -c ringfence -n "__fish_ringfence_using_subcommand dead-letter; and not __fish_seen_subcommand_from list show replay rm help" -l no-input -d 'Never ask anything'
complete -c ringfence -n "__fish_ringfence_using_subcommand dead-letter; and not __fish_seen_subcommand_from list show replay rm help" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c ringfence -n "__fish_ringfence_using_subcommand dead-letter; and not __fish_seen_subcommand_from list show replay rm help" -f -a "list" -d 'List the letters, oldest first'
complete -c ringfence -n "__fish_ringfence_using_subcommand dead-letter; and not __fish_seen_subcommand_from list show replay rm help" -f -a "show" -d 'Show one letter'
complete -c ringfence -n "__fish_ringfence_using_subcommand dead-letter; and not __fish_seen_subcommand_from list show replay rm help" -f -a "replay" -d 'Run the tasks of letters again, one after the other; a letter goes once its task succeeded'
complete -c ringfence -n "__fish_ringfence_using_subcommand dead-letter; and not __fish_seen_subcommand_from list show replay rm help" -f -a "rm" -d 'Remove letters'
complete -c ringfence -n "__fish_ringfence_using_subcommand dead-letter; and not __fish_seen_subcommand_from list show replay rm help" -f -a "help" -d 'Print this message or the help of the given subcommand(s)'
complete -c ringfence -n "__fish_ringfence_using_subcommand dead-letter; and __fish_seen_subcommand_from list" -l config -d 'Configuration file instead of the one in the user\'s config folder' -r -F
complete -c ringfence -n "__fish_ringfence_using_subcommand dead-letter; and __fish_seen_subcommand_from list" -l mode -d 'Where agents run; `sandbox` is the configured container mode' -r -f -a "host\t''
docker\t''
apple\t''
sandbox\t''"
complete -c ringfence -n "__fish_ringfence_using_subcommand dead-letter; and __fish_seen_subcommand_from list" -l color -d 'Colour: decided by the terminal, or fixed' -r -f -a "auto\t'On a terminal that can, unless `NO_COLOR` is set'
always\t'Always'
never\t'Never'"
complete -c ringfence -n "__fish_ringfence_using_subcommand dead-letter; and __fish_seen_subcommand_from list" -l json -d 'Print exactly one JSON object on standard output, also on failure'
complete -c ringfence -n "__fish_ringfence_using_subcommand dead-letter; and __fish_seen_subcommand_from list" -s q -l quiet -d 'No progress and no warnings on standard error'
complete -c ringfence -n "__fish_ringfence_using_subcommand dead-letter; and __fish_seen_subcommand_from list" -s v -l verbose -d 'Echo every external command as `+ …` on standard error, secrets redacted'
complete -c ringfence -n "__fish_ringfence_using_subcommand dead-letter; and __fish_seen_subcommand_from list" -l no-input -d 'Never ask anything'
complete -c ringfence -n "__fish_ringfence_using_subcommand dead-letter; and __fish_seen_subcommand_from list" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c ringfence -n "__fish_ringfence_using_subcommand dead-letter; and __fish_seen_subcommand_from show" -l config -d 'Configuration file instead of the one in the user\'s config folder' -r -F
complete -c ringfence -n "__fish_ringfence_using_subcommand dead-letter; and __fish_seen_subcommand_from show" -l mode -d 'Where agents run; `sandbox` is the configured container mode' -r -f -a "host\t''
docker\t''
apple\t''
sandbox\t''"
complete -c ringfence -n "__fish_ringfence_using_subcommand dead-letter; and __fish_seen_subcommand_from show" -l color -d 'Colour: decided by the terminal, or fixed' -r -f -a "auto\t'On a terminal that can, unless `NO_COLOR` is set'
always\t'Always'
never\t'Never'"
complete -c ringfence -n "__fish_ringfence_using_subcommand dead-letter; and __fish_seen_subcommand_from show" -l json -d 'Print exactly one JSON object on standard output, also on failure'
complete -c ringfence -n "__fish_ringfence_using_subcommand dead-letter; and __fish_seen_subcommand_from show" -s q -l quiet -d 'No progress and no warnings on standard error'
complete -c ringfence -n "__fish_ringfence_using_subcommand dead-letter; and __fish_seen_subcommand_from show" -s v -l verbose -d 'Echo every external command as `+ …` on standard error, secrets redacted'
complete -c ringfence -n "__fish_ringfence_using_subcommand dead-letter; and __fish_seen_subcommand_from show" -l no-input -d 'Never ask anything'
complete -c ringfence -n "__fish_ringfence_using_subcommand dead-letter; and __fish_seen_subcommand_from show" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c ringfence -n "__fish_ringfence_using_subcommand dead-letter; and __fish_seen_subcommand_from replay" -l config -d 'Configuration file instead of the one in the user\'s config folder' -r -F
complete -c ringfence -n "__fish_ringfence_using_subcommand dead-letter; and __fish_seen_subcommand_from replay" -l mode -d 'Where agents run; `sandbox` is the configured container mode' -r -f -a "host\t''
docker\t''
apple\t''
sandbox\t''"
complete -c ringfence -n "__fish_ringfence_using_subcommand dead-letter; and __fish_seen_subcommand_from replay" -l color -d 'Colour: decided by the terminal, or fixed' -r -f -a "auto\t'On a terminal that can, unless `NO_COLOR` is set'
always\t'Always'
never\t'Never'"
complete -c ringfence -n "__fish_ringfence_using_subcommand dead-letter; and __fish_seen_subcommand_from replay" -l all -d 'Every letter'
complete -c ringfence -n "__fish_ringfence_using_subcommand dead-letter; and __fish_seen_subcommand_from replay" -l json -d 'Print exactly one JSON object on standard output, also on failure'
complete -c ringfence -n "__fish_ringfence_using_subcommand dead-letter; and __fish_seen_subcommand_from replay" -s q -l quiet -d 'No progress and no warnings on standard error'
complete -c ringfence -n "__fish_ringfence_using_subcommand dead-letter; and __fish_seen_subcommand_from replay" -s v -l verbose -d 'Echo every external command as `+ …` on standard error, secrets redacted'
complete -c ringfence -n "__fish_ringfence_using_subcommand dead-letter; and __fish_seen_subcommand_from replay" -l no-input -d 'Never ask anything'
complete -c ringfence -n "__fish_ringfence_using_subcommand dead-letter; and __fish_seen_subcommand_from replay" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c ringfence -n "__fish_ringfence_using_subcommand dead-letter; and __fish_seen_subcommand_from rm" -l config -d 'Configuration file instead of the one in the user\'s config folder' -r -F
complete -c ringfence -n "__fish_ringfence_using_subcommand dead-letter; and __fish_seen_subcommand_from rm" -l mode -d 'Where agents run; `sandbox` is the configured container mode' -r -f -a "host\t''
docker\t''
apple\t''
sandbox\t''"
complete -c ringfence -n "__fish_ringfence_using_subcommand dead-letter; and __fish_seen_subcommand_from rm" -l color -d 'Colour: decided by the terminal, or fixed' -r -f -a "auto\t'On a terminal that can, unless `NO_COLOR` is set'
always\t'Always'
never\t'Never'"
complete -c ringfence -n "__fish_ringfence_using_subcommand dead-letter; and __fish_seen_subcommand_from rm" -l all -d 'Every letter'
complete -c ringfence -n "__fish_ringfence_using_subcommand dead-letter; and __fish_seen_subcommand_from rm" -l json -d 'Print exactly one JSON object on standard output, also on failure'
complete -c ringfence -n "__fish_ringfence_using_subcommand dead-letter; and __fish_seen_subcommand_from rm" -s q -l quiet -d 'No progress and no warnings on standard error'
complete -c ringfence -n "__fish_ringfence_using_subcommand dead-letter; and __fish_seen_subcommand_from rm" -s v -l verbose -d 'Echo every external command as `+ …` on standard error, secrets redacted'
complete -c ringfence -n "__fish_ringfence_using_subcommand dead-letter; and __fish_seen_subcommand_from rm" -l no-input -d 'Never ask anything'
complete -c ringfence -n "__fish_ringfence_using_subcommand dead-letter; and __fish_seen_subcommand_from rm" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c ringfence -n "__fish_ringfence_using_subcommand dead-letter; and __fish_seen_subcommand_from help" -f -a "list" -d 'List the letters, oldest first'
complete -c ringfence -n "__fish_ringfence_using_subcommand dead-letter; and __fish_seen_subcommand_from help" -f -a "show" -d 'Show one letter'
complete -c ringfence -n "__fish_ringfence_using_subcommand dead-letter; and __fish_seen_subcommand_from help" -f -a "replay" -d 'Run the tasks of letters again, one after the other; a letter goes once its task succeeded'
complete -c ringfence -n "__fish_ringfence_using_subcommand dead-letter; and __fish_seen_subcommand_from help" -f -a "rm" -d 'Remove letters'
complete -c ringfence -n "__fish_ringfence_using_subcommand dead-letter; and __fish_seen_subcommand_from help" -f -a "help" -d 'Print this message or the help of the given subcommand(s)'
complete -c ringfence -n "__fish_ringfence_using_subcommand completions" -l config -d 'Configuration file instead of the one in the user\'s config folder' -r -F
complete -c ringfence -n "__fish_ringfence_using_subcommand completions" -l mode -d 'Where agents run; `sandbox` is the configured container mode' -r -f -a "host\t''
docker\t''
apple\t''
sandbox\t''"
complete -c ringfence -n "__fish_ringfence_using_subcommand completions" -l color -d 'Colour: decided by the terminal, or fixed' -r -f -a "auto\t'On a terminal that can, unless `NO_COLOR` is set'
always\t'Always'
never\t'Never'"
complete -c ringfence -n "__fish_ringfence_using_subcommand completions" -l json -d 'Print exactly one JSON object on standard output, also on failure'
complete -c ringfence -n "__fish_ringfence_using_subcommand completions" -s q -l quiet -d 'No progress and no warnings on standard error'
complete -c ringfence -n "__fish_ringfence_using_subcommand completions" -s v -l verbose -d 'Echo every external command as `+ …` on standard error, secrets redacted'
complete -c ringfence -n "__fish_ringfence_using_subcommand completions" -l no-input -d 'Never ask anything'
complete -c ringfence -n "__fish_ringfence_using_subcommand completions" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c ringfence -n "__fish_ringfence_using_subcommand schema" -l config -d 'Configuration file instead of the one in the user\'s config folder' -r -F
complete -c ringfence -n "__fish_ringfence_using_subcommand schema" -l mode -d 'Where agents run; `sandbox` is the configured container mode' -r -f -a "host\t''
docker\t''
apple\t''
sandbox\t''"
complete -c ringfence -n "__fish_ringfence_using_subcommand schema" -l color -d 'Colour: decided by the terminal, or fixed' -r -f -a "auto\t'On a terminal that can, unless `NO_COLOR` is set'
always\t'Always'
never\t'Never'"
complete -c ringfence -n "__fish_ringfence_using_subcommand schema" -l json -d 'Print exactly one JSON object on standard output, also on failure'
complete -c ringfence -n "__fish_ringfence_using_subcommand schema" -s q -l quiet -d 'No progress and no warnings on standard error'
complete -c ringfence -n "__fish_ringfence_using_subcommand schema" -s v -l verbose -d 'Echo every external command as `+ …` on standard error, secrets redacted'
complete -c ringfence -n "__fish_ringfence_using_subcommand schema" -l no-input -d 'Never ask anything'
complete -c ringfence -n "__fish_ringfence_using_subcommand schema" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c ringfence -n "__fish_ringfence_using_subcommand man" -l config -d 'Configuration file instead of the one in the user\'s config folder' -r -F
complete -c ringfence -n "__fish_ringfence_using_subcommand man" -l mode -d 'Where agents run; `sandbox` is the configured container mode' -r -f -a "host\t''
docker\t''
apple\t''
sandbox\t''"
complete -c ringfence -n "__fish_ringfence_using_subcommand man" -l color -d 'Colour: decided by the terminal, or fixed' -r -f -a "auto\t'On a terminal that can, unless `NO_COLOR` is set'
always\t'Always'
never\t'Never'"
complete -c ringfence -n "__fish_ringfence_using_subcommand man" -l json -d 'Print exactly one JSON object on standard output, also on failure'
complete -c ringfence -n "__fish_ringfence_using_subcommand man" -s q -l quiet -d 'No progress and no warnings on standard error'
complete -c ringfence -n "__fish_ringfence_using_subcommand man" -s v -l verbose -d 'Echo every external command as `+ …` on standard error, secrets redacted'
complete -c ringfence -n "__fish_ringfence_using_subcommand man" -l no-input -d 'Never ask anything'
complete -c ringfence -n "__fish_ringfence_using_subcommand man" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c ringfence -n "__fish_ringfence_using_subcommand help; and not __fish_seen_subcommand_from run sandbox auth dead-letter completions schema man help" -f -a "run" -d 'Run an agent on one task and report how it ended'
complete -c ringfence -n "__fish_ringfence_using_subcommand help; and not __fish_seen_subcommand_from run sandbox auth dead-letter completions schema man help" -f -a "sandbox" -d 'Look at, set up and build the sandbox'
complete -c ringfence -n "__fish_ringfence_using_subcommand help; and not __fish_seen_subcommand_from run sandbox auth dead-letter completions schema man help" -f -a "auth" -d 'Find out whether an agent\'s login works'
complete -c ringfence -n "__fish_ringfence_using_subcommand help; and not __fish_seen_subcommand_from run sandbox auth dead-letter completions schema man help" -f -a "dead-letter" -d 'Look at tasks that failed for good, and run them again'
complete -c ringfence -n "__fish_ringfence_using_subcommand help; and not __fish_seen_subcommand_from run sandbox auth dead-letter completions schema man help" -f -a "completions" -d 'Print a shell\'s completion script'
complete -c ringfence -n "__fish_ringfence_using_subcommand help; and not __fish_seen_subcommand_from run sandbox auth dead-letter completions schema man help" -f -a "schema" -d 'Print the JSON Schema of what a command prints for programs'
complete -c ringfence -n "__fish_ringfence_using_subcommand help; and not __fish_seen_subcommand_from run sandbox auth dead-letter completions schema man help" -f -a "man" -d 'Print the manual page'
complete -c ringfence -n "__fish_ringfence_using_subcommand help; and not __fish_seen_subcommand_from run sandbox auth dead-letter completions schema man help" -f -a "help" -d 'Print this message or the help of the given subcommand(s)'
complete -c ringfence -n "__fish_ringfence_using_subcommand help; and __fish_seen_subcommand_from sandbox" -f -a "show" -d 'Show every effective value with its origin, and what each mode guarantees'
complete -c ringfence -n "__fish_ringfence_using_subcommand help; and __fish_seen_subcommand_from sandbox" -f -a "doctor" -d 'Find out whether runs work here: the real path, every step of it, and what to type where one does not'
complete -c ringfence -n "__fish_ringfence_using_subcommand help; and __fish_seen_subcommand_from sandbox" -f -a "set" -d 'Change the configuration file: a mode, or any key'
complete -c ringfence -n "__fish_ringfence_using_subcommand help; and __fish_seen_subcommand_from sandbox" -f -a "build-image" -d 'Build the worker image that container modes run in'
complete -c ringfence -n "__fish_ringfence_using_subcommand help; and __fish_seen_subcommand_from sandbox" -f -a "create" -d 'Make a warm sandbox: a hardened container that stays, for many runs'
complete -c ringfence -n "__fish_ringfence_using_subcommand help; and __fish_seen_subcommand_from sandbox" -f -a "exec" -d 'Run a command of your own in a warm sandbox'
complete -c ringfence -n "__fish_ringfence_using_subcommand help; and __fish_seen_subcommand_from sandbox" -f -a "ls" -d 'List the warm sandboxes'
complete -c ringfence -n "__fish_ringfence_using_subcommand help; and __fish_seen_subcommand_from sandbox" -f -a "stop" -d 'Stop warm sandboxes; the next run or exec starts them again, with an empty home'
complete -c ringfence -n "__fish_ringfence_using_subcommand help; and __fish_seen_subcommand_from sandbox" -f -a "rm" -d 'Remove warm sandboxes, with whatever runs in them'
complete -c ringfence -n "__fish_ringfence_using_subcommand help; and __fish_seen_subcommand_from sandbox" -f -a "save" -d 'Save what was installed in a warm sandbox as an image'
complete -c ringfence -n "__fish_ringfence_using_subcommand help; and __fish_seen_subcommand_from sandbox" -f -a "prune" -d 'Remove containers whose owner died, and old warm sandboxes'
complete -c ringfence -n "__fish_ringfence_using_subcommand help; and __fish_seen_subcommand_from auth" -f -a "check" -d 'Ask, step by step, whether a run of this agent would be logged in'
complete -c ringfence -n "__fish_ringfence_using_subcommand help; and __fish_seen_subcommand_from dead-letter" -f -a "list" -d 'List the letters, oldest first'
complete -c ringfence -n "__fish_ringfence_using_subcommand help; and __fish_seen_subcommand_from dead-letter" -f -a "show" -d 'Show one letter'
complete -c ringfence -n "__fish_ringfence_using_subcommand help; and __fish_seen_subcommand_from dead-letter" -f -a "replay" -d 'Run the tasks of letters again, one after the other; a letter goes once its task succeeded'
complete -c ringfence -n "__fish_ringfence_using_subcommand help; and __fish_seen_subcommand_from dead-letter" -f -a "rm" -d 'Remove letters'
