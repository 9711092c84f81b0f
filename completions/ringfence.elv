
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
            cand completions 'Print a shell''s completion script'
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
            cand --sandbox 'Run in this warm sandbox'
            cand --loop 'Run in the warm sandbox of this loop'
            cand --allow-host 'Allow network traffic to this host only (repeatable)'
            cand --fallback 'Run on the host, with a warning, when the container mode cannot start'
            cand --events 'Append an event line per attempt to this file'
            cand --config 'Configuration file instead of the one in the user''s config folder'
            cand --mode 'Where agents run; `sandbox` is the configured container mode'
            cand --color 'Colour: decided by the terminal, or fixed'
            cand --raw 'Pass the agent''s own stream through untouched'
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
            cand set 'Change the configuration file: a mode, or any key'
            cand build-image 'Build the worker image that container modes run in'
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
        &'ringfence;sandbox;help'= {
            cand show 'Show every effective value with its origin, and what each mode guarantees'
            cand set 'Change the configuration file: a mode, or any key'
            cand build-image 'Build the worker image that container modes run in'
            cand help 'Print this message or the help of the given subcommand(s)'
        }
        &'ringfence;sandbox;help;show'= {
        }
        &'ringfence;sandbox;help;set'= {
        }
        &'ringfence;sandbox;help;build-image'= {
        }
        &'ringfence;sandbox;help;help'= {
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
            cand completions 'Print a shell''s completion script'
            cand man 'Print the manual page'
            cand help 'Print this message or the help of the given subcommand(s)'
        }
        &'ringfence;help;run'= {
        }
        &'ringfence;help;sandbox'= {
            cand show 'Show every effective value with its origin, and what each mode guarantees'
            cand set 'Change the configuration file: a mode, or any key'
            cand build-image 'Build the worker image that container modes run in'
        }
        &'ringfence;help;sandbox;show'= {
        }
        &'ringfence;help;sandbox;set'= {
        }
        &'ringfence;help;sandbox;build-image'= {
        }
        &'ringfence;help;completions'= {
        }
        &'ringfence;help;man'= {
        }
        &'ringfence;help;help'= {
        }
    ]
    $completions[$command]
}
