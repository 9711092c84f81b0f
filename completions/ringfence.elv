
use builtin;
use str;

set edit:completion:arg-completer[ringfence] = {|@words|
    fn spaces {|n|
        builtin:repeat $n ' ' | str:join ''
    }
    fn cand {|text desc|
        edit:complex-candidate $text &display=$text' '(spaces (- 14 (wcswidth $text)))$desc
    }
    var command = 'ringfence'
    for word $words[1..-1] {
        if (str:has-prefix $word '-') {
            break
        }
        set command = $command';'$word
    }
    var completions = [
        &'ringfence'= {
            cand --config 'Configuration file instead of the one in the user''s config folder'
            cand --mode 'Where agents run; `sandbox` is the configured container mode'
            cand --color 'Colour: decided by the terminal, or fixed'
            cand --json 'Print exactly one JSON object on standard output, also on failure'
            cand -q 'No progress and no warnings on standard error'
            cand --quiet 'No progress and no warnings on standard error'
            cand -v 'Echo every external command as `+ …` on standard error, secrets redacted'
            cand --verbose 'Echo every external command as `+ …` on standard error, secrets redacted'
            cand --no-input 'Never ask anything'
            cand -h 'Print help (see more with ''--help'')'
            cand --help 'Print help (see more with ''--help'')'
            cand -V 'Print version'
            cand --version 'Print version'
            cand run 'Run an agent on one task and report how it ended'
            cand sandbox 'Look at, set up and build the sandbox'
            cand auth 'Find out whether an agent''s login works'
            cand dead-letter 'Look at tasks that failed for good, and run them again'
            cand completions 'Print a shell''s completion script'
            cand schema 'Print the JSON Schema of what a command prints for programs'
            cand man 'Print the manual page'
            cand help 'Print this message or the help of the given subcommand(s)'
        }
        &'ringfence;run'= {
            cand -f 'Read the task from a file; `-` is standard input'
            cand --file 'Read the task from a file; `-` is standard input'
            cand -a 'The agent'
            cand --agent 'The agent'
            cand -C 'The folder the agent works in (default: the current one)'
            cand --workspace 'The folder the agent works in (default: the current one)'
            cand -m 'The model, in the agent''s own spelling'
            cand --model 'The model, in the agent''s own spelling'
            cand --image 'Container image'
            cand --template 'Container image'
            cand --network 'Container network: bridge, none, or a network''s name'
            cand --memory 'Memory limit, such as 4g'
            cand --cpus 'CPU limit, such as 2 or 1.5'
            cand --mount 'Mount a further folder or file; read-only with `:ro` (repeatable)'
            cand -e 'Hand in a variable, with a value or from the caller''s environment (repeatable)'
            cand --env 'Hand in a variable, with a value or from the caller''s environment (repeatable)'
            cand --timeout 'Wall clock limit, such as 30m or 1h30m; 0 is none'
            cand --idle-timeout 'Limit on the agent''s silence; 0 is none'
            cand --grace 'Time between asking the agent to end (TERM) and ending it (KILL)'
            cand --max-attempts 'Total runs of the task when it fails in a way that may pass'
            cand --sandbox 'Run in this warm sandbox (sandbox create)'
            cand --loop 'Run in the warm sandbox of this loop, or in a throwaway container where there is none'
            cand --allow-host 'Allow network traffic to this host only (repeatable)'
            cand --fallback 'Run on the host, with a warning, when the container mode cannot start'
            cand --events 'Append event lines for every attempt to this file'
            cand --max-cost 'Begin no further attempt once this much is spent, in US dollars (for a batch: by all of its tasks)'
            cand --batch 'Run the tasks of this file, one JSON object a line: {"task", "agent"?, "workspace"?, "model"?, "timeout"?, "id"?}'
            cand -j 'Tasks of a batch at a time (default, and at most: `run.max_concurrency`)'
            cand --jobs 'Tasks of a batch at a time (default, and at most: `run.max_concurrency`)'
            cand --results 'Append the results of a batch to this file, and run what is not in it yet (default: standard output)'
            cand --config 'Configuration file instead of the one in the user''s config folder'
            cand --mode 'Where agents run; `sandbox` is the configured container mode'
            cand --color 'Colour: decided by the terminal, or fixed'
            cand --dead-letter 'Keep the task as a dead letter if it fails for good: see `ringfence dead-letter`'
            cand --shared-workspace 'Let tasks of a batch work in one workspace at the same time'
            cand --json-stream 'Print a JSON line for everything that happens, the last of them the object of --json: see `ringfence schema events`'
            cand --raw 'Pass the agent''s own stream through untouched (a model''s control characters reach a terminal as JSON escapes only)'
            cand --dry-run 'Print the external commands and run nothing'
            cand --json 'Print exactly one JSON object on standard output, also on failure'
            cand -q 'No progress and no warnings on standard error'
            cand --quiet 'No progress and no warnings on standard error'
            cand -v 'Echo every external command as `+ …` on standard error, secrets redacted'
            cand --verbose 'Echo every external command as `+ …` on standard error, secrets redacted'
            cand --no-input 'Never ask anything'
            cand -h 'Print help (see more with ''--help'')'
            cand --help 'Print help (see more with ''--help'')'
        }
        &'ringfence;sandbox'= {
            cand --config 'Configuration file instead of the one in the user''s config folder'
            cand --mode 'Where agents run; `sandbox` is the configured container mode'
            cand --color 'Colour: decided by the terminal, or fixed'
            cand --json 'Print exactly one JSON object on standard output, also on failure'
            cand -q 'No progress and no warnings on standard error'
            cand --quiet 'No progress and no warnings on standard error'
            cand -v 'Echo every external command as `+ …` on standard error, secrets redacted'
            cand --verbose 'Echo every external command as `+ …` on standard error, secrets redacted'
            cand --no-input 'Never ask anything'
            cand -h 'Print help (see more with ''--help'')'
            cand --help 'Print help (see more with ''--help'')'
            cand show 'Show every effective value with its origin, and what each mode guarantees'
            cand doctor 'Find out whether runs work here: the real path, every step of it, and what to type where one does not'
            cand set 'Change the configuration file: a mode, or any key'
            cand build-image 'Build the worker image that container modes run in'
            cand create 'Make a warm sandbox: a hardened container that stays, for many runs'
            cand exec 'Run a command of your own in a warm sandbox'
            cand ls 'List the warm sandboxes'
            cand stop 'Stop warm sandboxes; the next run or exec starts them again, with an empty home'
            cand rm 'Remove warm sandboxes, with whatever runs in them'
            cand save 'Save what was installed in a warm sandbox as an image'
            cand prune 'Remove containers whose owner died, and old warm sandboxes'
            cand help 'Print this message or the help of the given subcommand(s)'
        }
        &'ringfence;sandbox;show'= {
            cand --config 'Configuration file instead of the one in the user''s config folder'
            cand --mode 'Where agents run; `sandbox` is the configured container mode'
            cand --color 'Colour: decided by the terminal, or fixed'
            cand --json 'Print exactly one JSON object on standard output, also on failure'
            cand -q 'No progress and no warnings on standard error'
            cand --quiet 'No progress and no warnings on standard error'
            cand -v 'Echo every external command as `+ …` on standard error, secrets redacted'
            cand --verbose 'Echo every external command as `+ …` on standard error, secrets redacted'
            cand --no-input 'Never ask anything'
            cand -h 'Print help (see more with ''--help'')'
            cand --help 'Print help (see more with ''--help'')'
        }
        &'ringfence;sandbox;doctor'= {
            cand -a 'Agent to check (repeatable; default: the configured one)'
            cand --agent 'Agent to check (repeatable; default: the configured one)'
            cand -C 'The folder agents would work in (default: the current one)'
            cand --workspace 'The folder agents would work in (default: the current one)'
            cand --config 'Configuration file instead of the one in the user''s config folder'
            cand --mode 'Where agents run; `sandbox` is the configured container mode'
            cand --color 'Colour: decided by the terminal, or fixed'
            cand --quick 'Only look: start nothing, neither a sandbox nor an agent in one'
            cand --live 'Ask each agent''s model for one word'
            cand --json 'Print exactly one JSON object on standard output, also on failure'
            cand -q 'No progress and no warnings on standard error'
            cand --quiet 'No progress and no warnings on standard error'
            cand -v 'Echo every external command as `+ …` on standard error, secrets redacted'
            cand --verbose 'Echo every external command as `+ …` on standard error, secrets redacted'
            cand --no-input 'Never ask anything'
            cand -h 'Print help (see more with ''--help'')'
            cand --help 'Print help (see more with ''--help'')'
        }
        &'ringfence;sandbox;set'= {
            cand --config 'Configuration file instead of the one in the user''s config folder'
            cand --mode 'Where agents run; `sandbox` is the configured container mode'
            cand --color 'Colour: decided by the terminal, or fixed'
            cand --json 'Print exactly one JSON object on standard output, also on failure'
            cand -q 'No progress and no warnings on standard error'
            cand --quiet 'No progress and no warnings on standard error'
            cand -v 'Echo every external command as `+ …` on standard error, secrets redacted'
            cand --verbose 'Echo every external command as `+ …` on standard error, secrets redacted'
            cand --no-input 'Never ask anything'
            cand -h 'Print help (see more with ''--help'')'
            cand --help 'Print help (see more with ''--help'')'
        }
        &'ringfence;sandbox;build-image'= {
            cand --tag 'Name of the new image (default: the configured one)'
            cand --base 'Image to build on: Debian or one of its kin'
            cand --agent 'Agent to install (repeatable; default: all)'
            cand --agent-version 'Version of an agent, as its registry knows it (repeatable; default: latest)'
            cand --ca-cert 'Trust the certificates in this PEM file, during the build and in the image (default: those of `$NODE_EXTRA_CA_CERTS`, else `$SSL_CERT_FILE`)'
            cand --config 'Configuration file instead of the one in the user''s config folder'
            cand --mode 'Where agents run; `sandbox` is the configured container mode'
            cand --color 'Colour: decided by the terminal, or fixed'
            cand --no-cache 'Use no layer of an earlier build'
            cand --pull 'Ask the registry for a newer base image'
            cand --print 'Print the Dockerfile and build nothing'
            cand --json 'Print exactly one JSON object on standard output, also on failure'
            cand -q 'No progress and no warnings on standard error'
            cand --quiet 'No progress and no warnings on standard error'
            cand -v 'Echo every external command as `+ …` on standard error, secrets redacted'
            cand --verbose 'Echo every external command as `+ …` on standard error, secrets redacted'
            cand --no-input 'Never ask anything'
            cand -h 'Print help (see more with ''--help'')'
            cand --help 'Print help (see more with ''--help'')'
        }
        &'ringfence;sandbox;create'= {
            cand -a 'The agent it is for'
            cand --agent 'The agent it is for'
            cand --loop 'The loop it is for: `run --loop ID` then finds it'
            cand -C 'The folder it is for (default: the current one)'
            cand --workspace 'The folder it is for (default: the current one)'
            cand --image 'Container image'
            cand --template 'Container image'
            cand --network 'Container network: bridge, none, or a network''s name'
            cand --memory 'Memory limit, such as 4g'
            cand --cpus 'CPU limit, such as 2 or 1.5'
            cand --mount 'Mount a further folder or file; read-only with `:ro` (repeatable)'
            cand --config 'Configuration file instead of the one in the user''s config folder'
            cand --mode 'Where agents run; `sandbox` is the configured container mode'
            cand --color 'Colour: decided by the terminal, or fixed'
            cand --if-missing 'It is no error that it is there already'
            cand --json 'Print exactly one JSON object on standard output, also on failure'
            cand -q 'No progress and no warnings on standard error'
            cand --quiet 'No progress and no warnings on standard error'
            cand -v 'Echo every external command as `+ …` on standard error, secrets redacted'
            cand --verbose 'Echo every external command as `+ …` on standard error, secrets redacted'
            cand --no-input 'Never ask anything'
            cand -h 'Print help (see more with ''--help'')'
            cand --help 'Print help (see more with ''--help'')'
        }
        &'ringfence;sandbox;exec'= {
            cand -e 'Hand in a variable, with a value or from the caller''s environment (repeatable)'
            cand --env 'Hand in a variable, with a value or from the caller''s environment (repeatable)'
            cand -w 'The folder to start in, as the sandbox calls it (default: its workspace)'
            cand --workdir 'The folder to start in, as the sandbox calls it (default: its workspace)'
            cand -a 'Whose credential to hand in (default: the command''s own, where that is an agent)'
            cand --agent 'Whose credential to hand in (default: the command''s own, where that is an agent)'
            cand --config 'Configuration file instead of the one in the user''s config folder'
            cand --mode 'Where agents run; `sandbox` is the configured container mode'
            cand --color 'Colour: decided by the terminal, or fixed'
            cand -i 'Give the command our standard input'
            cand --interactive 'Give the command our standard input'
            cand -t 'Give the command a terminal'
            cand --tty 'Give the command a terminal'
            cand --json 'Print exactly one JSON object on standard output, also on failure'
            cand -q 'No progress and no warnings on standard error'
            cand --quiet 'No progress and no warnings on standard error'
            cand -v 'Echo every external command as `+ …` on standard error, secrets redacted'
            cand --verbose 'Echo every external command as `+ …` on standard error, secrets redacted'
            cand --no-input 'Never ask anything'
            cand -h 'Print help (see more with ''--help'')'
            cand --help 'Print help (see more with ''--help'')'
        }
        &'ringfence;sandbox;ls'= {
            cand --config 'Configuration file instead of the one in the user''s config folder'
            cand --mode 'Where agents run; `sandbox` is the configured container mode'
            cand --color 'Colour: decided by the terminal, or fixed'
            cand --json 'Print exactly one JSON object on standard output, also on failure'
            cand -q 'No progress and no warnings on standard error'
            cand --quiet 'No progress and no warnings on standard error'
            cand -v 'Echo every external command as `+ …` on standard error, secrets redacted'
            cand --verbose 'Echo every external command as `+ …` on standard error, secrets redacted'
            cand --no-input 'Never ask anything'
            cand -h 'Print help (see more with ''--help'')'
            cand --help 'Print help (see more with ''--help'')'
        }
        &'ringfence;sandbox;stop'= {
            cand --config 'Configuration file instead of the one in the user''s config folder'
            cand --mode 'Where agents run; `sandbox` is the configured container mode'
            cand --color 'Colour: decided by the terminal, or fixed'
            cand --json 'Print exactly one JSON object on standard output, also on failure'
            cand -q 'No progress and no warnings on standard error'
            cand --quiet 'No progress and no warnings on standard error'
            cand -v 'Echo every external command as `+ …` on standard error, secrets redacted'
            cand --verbose 'Echo every external command as `+ …` on standard error, secrets redacted'
            cand --no-input 'Never ask anything'
            cand -h 'Print help (see more with ''--help'')'
            cand --help 'Print help (see more with ''--help'')'
        }
        &'ringfence;sandbox;rm'= {
            cand --loop 'All of this loop'
            cand --config 'Configuration file instead of the one in the user''s config folder'
            cand --mode 'Where agents run; `sandbox` is the configured container mode'
            cand --color 'Colour: decided by the terminal, or fixed'
            cand --all 'All there are'
            cand --json 'Print exactly one JSON object on standard output, also on failure'
            cand -q 'No progress and no warnings on standard error'
            cand --quiet 'No progress and no warnings on standard error'
            cand -v 'Echo every external command as `+ …` on standard error, secrets redacted'
            cand --verbose 'Echo every external command as `+ …` on standard error, secrets redacted'
            cand --no-input 'Never ask anything'
            cand -h 'Print help (see more with ''--help'')'
            cand --help 'Print help (see more with ''--help'')'
        }
        &'ringfence;sandbox;save'= {
            cand --config 'Configuration file instead of the one in the user''s config folder'
            cand --mode 'Where agents run; `sandbox` is the configured container mode'
            cand --color 'Colour: decided by the terminal, or fixed'
            cand --json 'Print exactly one JSON object on standard output, also on failure'
            cand -q 'No progress and no warnings on standard error'
            cand --quiet 'No progress and no warnings on standard error'
            cand -v 'Echo every external command as `+ …` on standard error, secrets redacted'
            cand --verbose 'Echo every external command as `+ …` on standard error, secrets redacted'
            cand --no-input 'Never ask anything'
            cand -h 'Print help (see more with ''--help'')'
            cand --help 'Print help (see more with ''--help'')'
        }
        &'ringfence;sandbox;prune'= {
            cand --older-than 'Remove warm sandboxes that were made longer ago than this, too'
            cand --config 'Configuration file instead of the one in the user''s config folder'
            cand --mode 'Where agents run; `sandbox` is the configured container mode'
            cand --color 'Colour: decided by the terminal, or fixed'
            cand --dry-run 'Say what would go, and remove nothing'
            cand --json 'Print exactly one JSON object on standard output, also on failure'
            cand -q 'No progress and no warnings on standard error'
            cand --quiet 'No progress and no warnings on standard error'
            cand -v 'Echo every external command as `+ …` on standard error, secrets redacted'
            cand --verbose 'Echo every external command as `+ …` on standard error, secrets redacted'
            cand --no-input 'Never ask anything'
            cand -h 'Print help (see more with ''--help'')'
            cand --help 'Print help (see more with ''--help'')'
        }
        &'ringfence;sandbox;help'= {
            cand show 'Show every effective value with its origin, and what each mode guarantees'
            cand doctor 'Find out whether runs work here: the real path, every step of it, and what to type where one does not'
            cand set 'Change the configuration file: a mode, or any key'
            cand build-image 'Build the worker image that container modes run in'
            cand create 'Make a warm sandbox: a hardened container that stays, for many runs'
            cand exec 'Run a command of your own in a warm sandbox'
            cand ls 'List the warm sandboxes'
            cand stop 'Stop warm sandboxes; the next run or exec starts them again, with an empty home'
            cand rm 'Remove warm sandboxes, with whatever runs in them'
            cand save 'Save what was installed in a warm sandbox as an image'
            cand prune 'Remove containers whose owner died, and old warm sandboxes'
            cand help 'Print this message or the help of the given subcommand(s)'
        }
        &'ringfence;sandbox;help;show'= {
        }
        &'ringfence;sandbox;help;doctor'= {
        }
        &'ringfence;sandbox;help;set'= {
        }
        &'ringfence;sandbox;help;build-image'= {
        }
        &'ringfence;sandbox;help;create'= {
        }
        &'ringfence;sandbox;help;exec'= {
        }
        &'ringfence;sandbox;help;ls'= {
        }
        &'ringfence;sandbox;help;stop'= {
        }
        &'ringfence;sandbox;help;rm'= {
        }
        &'ringfence;sandbox;help;save'= {
        }
        &'ringfence;sandbox;help;prune'= {
        }
        &'ringfence;sandbox;help;help'= {
        }
        &'ringfence;auth'= {
            cand --config 'Configuration file instead of the one in the user''s config folder'
            cand --mode 'Where agents run; `sandbox` is the configured container mode'
            cand --color 'Colour: decided by the terminal, or fixed'
            cand --json 'Print exactly one JSON object on standard output, also on failure'
            cand -q 'No progress and no warnings on standard error'
            cand --quiet 'No progress and no warnings on standard error'
            cand -v 'Echo every external command as `+ …` on standard error, secrets redacted'
            cand --verbose 'Echo every external command as `+ …` on standard error, secrets redacted'
            cand --no-input 'Never ask anything'
            cand -h 'Print help (see more with ''--help'')'
            cand --help 'Print help (see more with ''--help'')'
            cand check 'Ask, step by step, whether a run of this agent would be logged in'
            cand help 'Print this message or the help of the given subcommand(s)'
        }
        &'ringfence;auth;check'= {
            cand --environment 'Where it would run (default: the configured mode)'
            cand --timeout 'Wall clock limit of what is started, in seconds or such as 1m (default: 15 on the host, 20 in a container)'
            cand -C 'The folder the agent would work in (default: the current one)'
            cand --workspace 'The folder the agent would work in (default: the current one)'
            cand --config 'Configuration file instead of the one in the user''s config folder'
            cand --mode 'Where agents run; `sandbox` is the configured container mode'
            cand --color 'Colour: decided by the terminal, or fixed'
            cand --quick 'Stop before its model is asked for one word'
            cand --json 'Print exactly one JSON object on standard output, also on failure'
            cand -q 'No progress and no warnings on standard error'
            cand --quiet 'No progress and no warnings on standard error'
            cand -v 'Echo every external command as `+ …` on standard error, secrets redacted'
            cand --verbose 'Echo every external command as `+ …` on standard error, secrets redacted'
            cand --no-input 'Never ask anything'
            cand -h 'Print help (see more with ''--help'')'
            cand --help 'Print help (see more with ''--help'')'
        }
        &'ringfence;auth;help'= {
            cand check 'Ask, step by step, whether a run of this agent would be logged in'
            cand help 'Print this message or the help of the given subcommand(s)'
        }
        &'ringfence;auth;help;check'= {
        }
        &'ringfence;auth;help;help'= {
        }
        &'ringfence;dead-letter'= {
            cand --config 'Configuration file instead of the one in the user''s config folder'
            cand --mode 'Where agents run; `sandbox` is the configured container mode'
            cand --color 'Colour: decided by the terminal, or fixed'
            cand --json 'Print exactly one JSON object on standard output, also on failure'
            cand -q 'No progress and no warnings on standard error'
            cand --quiet 'No progress and no warnings on standard error'
            cand -v 'Echo every external command as `+ …` on standard error, secrets redacted'
            cand --verbose 'Echo every external command as `+ …` on standard error, secrets redacted'
            cand --no-input 'Never ask anything'
            cand -h 'Print help (see more with ''--help'')'
            cand --help 'Print help (see more with ''--help'')'
            cand list 'List the letters, oldest first'
            cand show 'Show one letter'
            cand replay 'Run the tasks of letters again, one after the other; a letter goes once its task succeeded'
            cand rm 'Remove letters'
            cand help 'Print this message or the help of the given subcommand(s)'
        }
        &'ringfence;dead-letter;list'= {
            cand --config 'Configuration file instead of the one in the user''s config folder'
            cand --mode 'Where agents run; `sandbox` is the configured container mode'
            cand --color 'Colour: decided by the terminal, or fixed'
            cand --json 'Print exactly one JSON object on standard output, also on failure'
            cand -q 'No progress and no warnings on standard error'
            cand --quiet 'No progress and no warnings on standard error'
            cand -v 'Echo every external command as `+ …` on standard error, secrets redacted'
            cand --verbose 'Echo every external command as `+ …` on standard error, secrets redacted'
            cand --no-input 'Never ask anything'
            cand -h 'Print help (see more with ''--help'')'
            cand --help 'Print help (see more with ''--help'')'
        }
        &'ringfence;dead-letter;show'= {
            cand --config 'Configuration file instead of the one in the user''s config folder'
            cand --mode 'Where agents run; `sandbox` is the configured container mode'
            cand --color 'Colour: decided by the terminal, or fixed'
            cand --json 'Print exactly one JSON object on standard output, also on failure'
            cand -q 'No progress and no warnings on standard error'
            cand --quiet 'No progress and no warnings on standard error'
            cand -v 'Echo every external command as `+ …` on standard error, secrets redacted'
            cand --verbose 'Echo every external command as `+ …` on standard error, secrets redacted'
            cand --no-input 'Never ask anything'
            cand -h 'Print help (see more with ''--help'')'
            cand --help 'Print help (see more with ''--help'')'
        }
        &'ringfence;dead-letter;replay'= {
            cand --config 'Configuration file instead of the one in the user''s config folder'
            cand --mode 'Where agents run; `sandbox` is the configured container mode'
            cand --color 'Colour: decided by the terminal, or fixed'
            cand --all 'Every letter'
            cand --json 'Print exactly one JSON object on standard output, also on failure'
            cand -q 'No progress and no warnings on standard error'
            cand --quiet 'No progress and no warnings on standard error'
            cand -v 'Echo every external command as `+ …` on standard error, secrets redacted'
            cand --verbose 'Echo every external command as `+ …` on standard error, secrets redacted'
            cand --no-input 'Never ask anything'
            cand -h 'Print help (see more with ''--help'')'
            cand --help 'Print help (see more with ''--help'')'
        }
        &'ringfence;dead-letter;rm'= {
            cand --config 'Configuration file instead of the one in the user''s config folder'
            cand --mode 'Where agents run; `sandbox` is the configured container mode'
            cand --color 'Colour: decided by the terminal, or fixed'
            cand --all 'Every letter'
            cand --json 'Print exactly one JSON object on standard output, also on failure'
            cand -q 'No progress and no warnings on standard error'
            cand --quiet 'No progress and no warnings on standard error'
            cand -v 'Echo every external command as `+ …` on standard error, secrets redacted'
            cand --verbose 'Echo every external command as `+ …` on standard error, secrets redacted'
            cand --no-input 'Never ask anything'
            cand -h 'Print help (see more with ''--help'')'
            cand --help 'Print help (see more with ''--help'')'
        }
        &'ringfence;dead-letter;help'= {
            cand list 'List the letters, oldest first'
            cand show 'Show one letter'
            cand replay 'Run the tasks of letters again, one after the other; a letter goes once its task succeeded'
            cand rm 'Remove letters'
            cand help 'Print this message or the help of the given subcommand(s)'
        }
        &'ringfence;dead-letter;help;list'= {
        }
        &'ringfence;dead-letter;help;show'= {
        }
        &'ringfence;dead-letter;help;replay'= {
        }
        &'ringfence;dead-letter;help;rm'= {
        }
        &'ringfence;dead-letter;help;help'= {
        }
        &'ringfence;completions'= {
            cand --config 'Configuration file instead of the one in the user''s config folder'
            cand --mode 'Where agents run; `sandbox` is the configured container mode'
            cand --color 'Colour: decided by the terminal, or fixed'
            cand --json 'Print exactly one JSON object on standard output, also on failure'
            cand -q 'No progress and no warnings on standard error'
            cand --quiet 'No progress and no warnings on standard error'
            cand -v 'Echo every external command as `+ …` on standard error, secrets redacted'
            cand --verbose 'Echo every external command as `+ …` on standard error, secrets redacted'
            cand --no-input 'Never ask anything'
            cand -h 'Print help (see more with ''--help'')'
            cand --help 'Print help (see more with ''--help'')'
        }
        &'ringfence;schema'= {
            cand --config 'Configuration file instead of the one in the user''s config folder'
            cand --mode 'Where agents run; `sandbox` is the configured container mode'
            cand --color 'Colour: decided by the terminal, or fixed'
            cand --json 'Print exactly one JSON object on standard output, also on failure'
            cand -q 'No progress and no warnings on standard error'
            cand --quiet 'No progress and no warnings on standard error'
            cand -v 'Echo every external command as `+ …` on standard error, secrets redacted'
            cand --verbose 'Echo every external command as `+ …` on standard error, secrets redacted'
            cand --no-input 'Never ask anything'
            cand -h 'Print help (see more with ''--help'')'
            cand --help 'Print help (see more with ''--help'')'
        }
        &'ringfence;man'= {
            cand --config 'Configuration file instead of the one in the user''s config folder'
            cand --mode 'Where agents run; `sandbox` is the configured container mode'
            cand --color 'Colour: decided by the terminal, or fixed'
            cand --json 'Print exactly one JSON object on standard output, also on failure'
            cand -q 'No progress and no warnings on standard error'
            cand --quiet 'No progress and no warnings on standard error'
            cand -v 'Echo every external command as `+ …` on standard error, secrets redacted'
            cand --verbose 'Echo every external command as `+ …` on standard error, secrets redacted'
            cand --no-input 'Never ask anything'
            cand -h 'Print help (see more with ''--help'')'
            cand --help 'Print help (see more with ''--help'')'
        }
        &'ringfence;help'= {
            cand run 'Run an agent on one task and report how it ended'
            cand sandbox 'Look at, set up and build the sandbox'
            cand auth 'Find out whether an agent''s login works'
            cand dead-letter 'Look at tasks that failed for good, and run them again'
            cand completions 'Print a shell''s completion script'
            cand schema 'Print the JSON Schema of what a command prints for programs'
            cand man 'Print the manual page'
            cand help 'Print this message or the help of the given subcommand(s)'
        }
        &'ringfence;help;run'= {
        }
        &'ringfence;help;sandbox'= {
            cand show 'Show every effective value with its origin, and what each mode guarantees'
            cand doctor 'Find out whether runs work here: the real path, every step of it, and what to type where one does not'
            cand set 'Change the configuration file: a mode, or any key'
            cand build-image 'Build the worker image that container modes run in'
            cand create 'Make a warm sandbox: a hardened container that stays, for many runs'
            cand exec 'Run a command of your own in a warm sandbox'
            cand ls 'List the warm sandboxes'
            cand stop 'Stop warm sandboxes; the next run or exec starts them again, with an empty home'
            cand rm 'Remove warm sandboxes, with whatever runs in them'
            cand save 'Save what was installed in a warm sandbox as an image'
            cand prune 'Remove containers whose owner died, and old warm sandboxes'
        }
        &'ringfence;help;sandbox;show'= {
        }
        &'ringfence;help;sandbox;doctor'= {
        }
        &'ringfence;help;sandbox;set'= {
        }
        &'ringfence;help;sandbox;build-image'= {
        }
        &'ringfence;help;sandbox;create'= {
        }
        &'ringfence;help;sandbox;exec'= {
        }
        &'ringfence;help;sandbox;ls'= {
        }
        &'ringfence;help;sandbox;stop'= {
        }
        &'ringfence;help;sandbox;rm'= {
        }
        &'ringfence;help;sandbox;save'= {
        }
        &'ringfence;help;sandbox;prune'= {
        }
        &'ringfence;help;auth'= {
            cand check 'Ask, step by step, whether a run of this agent would be logged in'
        }
        &'ringfence;help;auth;check'= {
        }
        &'ringfence;help;dead-letter'= {
            cand list 'List the letters, oldest first'
            cand show 'Show one letter'
            cand replay 'Run the tasks of letters again, one after the other; a letter goes once its task succeeded'
            cand rm 'Remove letters'
        }
        &'ringfence;help;dead-letter;list'= {
        }
        &'ringfence;help;dead-letter;show'= {
        }
        &'ringfence;help;dead-letter;replay'= {
        }
        &'ringfence;help;dead-letter;rm'= {
        }
        &'ringfence;help;completions'= {
        }
        &'ringfence;help;schema'= {
        }
        &'ringfence;help;man'= {
        }
        &'ringfence;help;help'= {
        }
    ]
    $completions[$command]
}
