
using namespace System.Management.Automation
using namespace System.Management.Automation.Language

Register-ArgumentCompleter -Native -CommandName 'ringfence' -ScriptBlock {
    param($wordToComplete, $commandAst, $cursorPosition)

    $commandElements = $commandAst.CommandElements
    $command = @(
        'ringfence'
        for ($i = 1; $i -lt $commandElements.Count; $i++) {
            $element = $commandElements[$i]
            if ($element -isnot [StringConstantExpressionAst] -or
                $element.StringConstantType -ne [StringConstantType]::BareWord -or
                $element.Value.StartsWith('-') -or
                $element.Value -eq $wordToComplete) {
                break
        }
        $element.Value
    }) -join ';'

    $completions = @(switch ($command) {
        'ringfence' {
            [CompletionResult]::new('--config', '--config', [CompletionResultType]::ParameterName, 'Configuration file instead of the one in the user''s config folder')
            [CompletionResult]::new('--mode', '--mode', [CompletionResultType]::ParameterName, 'Where agents run; `sandbox` is the configured container mode')
            [CompletionResult]::new('--color', '--color', [CompletionResultType]::ParameterName, 'Colour: decided by the terminal, or fixed')
            [CompletionResult]::new('--json', '--json', [CompletionResultType]::ParameterName, 'Print exactly one JSON object on standard output, also on failure')
            [CompletionResult]::new('-q', '-q', [CompletionResultType]::ParameterName, 'No progress and no warnings on standard error')
            [CompletionResult]::new('--quiet', '--quiet', [CompletionResultType]::ParameterName, 'No progress and no warnings on standard error')
            [CompletionResult]::new('-v', '-v', [CompletionResultType]::ParameterName, 'Echo every external command as `+ …` on standard error, secrets redacted')
            [CompletionResult]::new('--verbose', '--verbose', [CompletionResultType]::ParameterName, 'Echo every external command as `+ …` on standard error, secrets redacted')
            [CompletionResult]::new('--no-input', '--no-input', [CompletionResultType]::ParameterName, 'Never ask anything')
            [CompletionResult]::new('-h', '-h', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            [CompletionResult]::new('--help', '--help', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            [CompletionResult]::new('-V', '-V ', [CompletionResultType]::ParameterName, 'Print version')
            [CompletionResult]::new('--version', '--version', [CompletionResultType]::ParameterName, 'Print version')
            [CompletionResult]::new('run', 'run', [CompletionResultType]::ParameterValue, 'Run an agent on one task and report how it ended')
            [CompletionResult]::new('sandbox', 'sandbox', [CompletionResultType]::ParameterValue, 'Look at, set up and build the sandbox')
            [CompletionResult]::new('auth', 'auth', [CompletionResultType]::ParameterValue, 'Find out whether an agent''s login works')
            [CompletionResult]::new('dead-letter', 'dead-letter', [CompletionResultType]::ParameterValue, 'Look at tasks that failed for good, and run them again')
            [CompletionResult]::new('completions', 'completions', [CompletionResultType]::ParameterValue, 'Print a shell''s completion script')
            [CompletionResult]::new('schema', 'schema', [CompletionResultType]::ParameterValue, 'Print the JSON Schema of what a command prints for programs')
            [CompletionResult]::new('man', 'man', [CompletionResultType]::ParameterValue, 'Print the manual page')
            [CompletionResult]::new('help', 'help', [CompletionResultType]::ParameterValue, 'Print this message or the help of the given subcommand(s)')
            break
        }
        'ringfence;run' {
            [CompletionResult]::new('-f', '-f', [CompletionResultType]::ParameterName, 'Read the task from a file; `-` is standard input')
            [CompletionResult]::new('--file', '--file', [CompletionResultType]::ParameterName, 'Read the task from a file; `-` is standard input')
            [CompletionResult]::new('-a', '-a', [CompletionResultType]::ParameterName, 'The agent')
            [CompletionResult]::new('--agent', '--agent', [CompletionResultType]::ParameterName, 'The agent')
            [CompletionResult]::new('-C', '-C ', [CompletionResultType]::ParameterName, 'The folder the agent works in (default: the current one)')
            [CompletionResult]::new('--workspace', '--workspace', [CompletionResultType]::ParameterName, 'The folder the agent works in (default: the current one)')
            [CompletionResult]::new('-m', '-m', [CompletionResultType]::ParameterName, 'The model, in the agent''s own spelling')
            [CompletionResult]::new('--model', '--model', [CompletionResultType]::ParameterName, 'The model, in the agent''s own spelling')
            [CompletionResult]::new('--image', '--image', [CompletionResultType]::ParameterName, 'Container image')
            [CompletionResult]::new('--template', '--template', [CompletionResultType]::ParameterName, 'Container image')
            [CompletionResult]::new('--network', '--network', [CompletionResultType]::ParameterName, 'Container network: bridge, none, or a network''s name')
            [CompletionResult]::new('--memory', '--memory', [CompletionResultType]::ParameterName, 'Memory limit, such as 4g')
            [CompletionResult]::new('--cpus', '--cpus', [CompletionResultType]::ParameterName, 'CPU limit, such as 2 or 1.5')
            [CompletionResult]::new('--mount', '--mount', [CompletionResultType]::ParameterName, 'Mount a further folder or file; read-only with `:ro` (repeatable)')
            [CompletionResult]::new('-e', '-e', [CompletionResultType]::ParameterName, 'Hand in a variable, with a value or from the caller''s environment (repeatable)')
            [CompletionResult]::new('--env', '--env', [CompletionResultType]::ParameterName, 'Hand in a variable, with a value or from the caller''s environment (repeatable)')
            [CompletionResult]::new('--timeout', '--timeout', [CompletionResultType]::ParameterName, 'Wall clock limit, such as 30m or 1h30m; 0 is none')
            [CompletionResult]::new('--idle-timeout', '--idle-timeout', [CompletionResultType]::ParameterName, 'Limit on the agent''s silence; 0 is none')
            [CompletionResult]::new('--grace', '--grace', [CompletionResultType]::ParameterName, 'Time between asking the agent to end (TERM) and ending it (KILL)')
            [CompletionResult]::new('--max-attempts', '--max-attempts', [CompletionResultType]::ParameterName, 'Total runs of the task when it fails in a way that may pass')
            [CompletionResult]::new('--sandbox', '--sandbox', [CompletionResultType]::ParameterName, 'Run in this warm sandbox (sandbox create)')
            [CompletionResult]::new('--loop', '--loop', [CompletionResultType]::ParameterName, 'Run in the warm sandbox of this loop, or in a throwaway container where there is none')
            [CompletionResult]::new('--allow-host', '--allow-host', [CompletionResultType]::ParameterName, 'Allow network traffic to this host only (repeatable)')
            [CompletionResult]::new('--fallback', '--fallback', [CompletionResultType]::ParameterName, 'Run on the host, with a warning, when the container mode cannot start')
            [CompletionResult]::new('--events', '--events', [CompletionResultType]::ParameterName, 'Append event lines for every attempt to this file')
            [CompletionResult]::new('--max-cost', '--max-cost', [CompletionResultType]::ParameterName, 'Begin no further attempt once this much is spent, in US dollars (for a batch: by all of its tasks)')
            [CompletionResult]::new('--batch', '--batch', [CompletionResultType]::ParameterName, 'Run the tasks of this file, one JSON object a line: {"task", "agent"?, "workspace"?, "model"?, "timeout"?, "id"?}')
            [CompletionResult]::new('-j', '-j', [CompletionResultType]::ParameterName, 'Tasks of a batch at a time (default, and at most: `run.max_concurrency`)')
            [CompletionResult]::new('--jobs', '--jobs', [CompletionResultType]::ParameterName, 'Tasks of a batch at a time (default, and at most: `run.max_concurrency`)')
            [CompletionResult]::new('--results', '--results', [CompletionResultType]::ParameterName, 'Append the results of a batch to this file, and run what is not in it yet (default: standard output)')
            [CompletionResult]::new('--config', '--config', [CompletionResultType]::ParameterName, 'Configuration file instead of the one in the user''s config folder')
            [CompletionResult]::new('--mode', '--mode', [CompletionResultType]::ParameterName, 'Where agents run; `sandbox` is the configured container mode')
            [CompletionResult]::new('--color', '--color', [CompletionResultType]::ParameterName, 'Colour: decided by the terminal, or fixed')
            [CompletionResult]::new('--dead-letter', '--dead-letter', [CompletionResultType]::ParameterName, 'Keep the task as a dead letter if it fails for good: see `ringfence dead-letter`')
            [CompletionResult]::new('--shared-workspace', '--shared-workspace', [CompletionResultType]::ParameterName, 'Let tasks of a batch work in one workspace at the same time')
            [CompletionResult]::new('--json-stream', '--json-stream', [CompletionResultType]::ParameterName, 'Print a JSON line for everything that happens, the last of them the object of --json: see `ringfence schema events`')
            [CompletionResult]::new('--raw', '--raw', [CompletionResultType]::ParameterName, 'Pass the agent''s own stream through untouched (a model''s control characters reach a terminal as JSON escapes only)')
            [CompletionResult]::new('--dry-run', '--dry-run', [CompletionResultType]::ParameterName, 'Print the external commands and run nothing')
            [CompletionResult]::new('--json', '--json', [CompletionResultType]::ParameterName, 'Print exactly one JSON object on standard output, also on failure')
            [CompletionResult]::new('-q', '-q', [CompletionResultType]::ParameterName, 'No progress and no warnings on standard error')
            [CompletionResult]::new('--quiet', '--quiet', [CompletionResultType]::ParameterName, 'No progress and no warnings on standard error')
            [CompletionResult]::new('-v', '-v', [CompletionResultType]::ParameterName, 'Echo every external command as `+ …` on standard error, secrets redacted')
            [CompletionResult]::new('--verbose', '--verbose', [CompletionResultType]::ParameterName, 'Echo every external command as `+ …` on standard error, secrets redacted')
            [CompletionResult]::new('--no-input', '--no-input', [CompletionResultType]::ParameterName, 'Never ask anything')
            [CompletionResult]::new('-h', '-h', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            [CompletionResult]::new('--help', '--help', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            break
        }
        'ringfence;sandbox' {
            [CompletionResult]::new('--config', '--config', [CompletionResultType]::ParameterName, 'Configuration file instead of the one in the user''s config folder')
            [CompletionResult]::new('--mode', '--mode', [CompletionResultType]::ParameterName, 'Where agents run; `sandbox` is the configured container mode')
            [CompletionResult]::new('--color', '--color', [CompletionResultType]::ParameterName, 'Colour: decided by the terminal, or fixed')
            [CompletionResult]::new('--json', '--json', [CompletionResultType]::ParameterName, 'Print exactly one JSON object on standard output, also on failure')
            [CompletionResult]::new('-q', '-q', [CompletionResultType]::ParameterName, 'No progress and no warnings on standard error')
            [CompletionResult]::new('--quiet', '--quiet', [CompletionResultType]::ParameterName, 'No progress and no warnings on standard error')
            [CompletionResult]::new('-v', '-v', [CompletionResultType]::ParameterName, 'Echo every external command as `+ …` on standard error, secrets redacted')
            [CompletionResult]::new('--verbose', '--verbose', [CompletionResultType]::ParameterName, 'Echo every external command as `+ …` on standard error, secrets redacted')
            [CompletionResult]::new('--no-input', '--no-input', [CompletionResultType]::ParameterName, 'Never ask anything')
            [CompletionResult]::new('-h', '-h', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            [CompletionResult]::new('--help', '--help', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            [CompletionResult]::new('show', 'show', [CompletionResultType]::ParameterValue, 'Show every effective value with its origin, and what each mode guarantees')
            [CompletionResult]::new('doctor', 'doctor', [CompletionResultType]::ParameterValue, 'Find out whether runs work here: the real path, every step of it, and what to type where one does not')
            [CompletionResult]::new('set', 'set', [CompletionResultType]::ParameterValue, 'Change the configuration file: a mode, or any key')
            [CompletionResult]::new('build-image', 'build-image', [CompletionResultType]::ParameterValue, 'Build the worker image that container modes run in')
            [CompletionResult]::new('create', 'create', [CompletionResultType]::ParameterValue, 'Make a warm sandbox: a hardened container that stays, for many runs')
            [CompletionResult]::new('exec', 'exec', [CompletionResultType]::ParameterValue, 'Run a command of your own in a warm sandbox')
            [CompletionResult]::new('ls', 'ls', [CompletionResultType]::ParameterValue, 'List the warm sandboxes')
            [CompletionResult]::new('stop', 'stop', [CompletionResultType]::ParameterValue, 'Stop warm sandboxes; the next run or exec starts them again, with an empty home')
            [CompletionResult]::new('rm', 'rm', [CompletionResultType]::ParameterValue, 'Remove warm sandboxes, with whatever runs in them')
            [CompletionResult]::new('save', 'save', [CompletionResultType]::ParameterValue, 'Save what was installed in a warm sandbox as an image')
            [CompletionResult]::new('prune', 'prune', [CompletionResultType]::ParameterValue, 'Remove containers whose owner died, and old warm sandboxes')
            [CompletionResult]::new('help', 'help', [CompletionResultType]::ParameterValue, 'Print this message or the help of the given subcommand(s)')
            break
        }
        'ringfence;sandbox;show' {
            [CompletionResult]::new('--config', '--config', [CompletionResultType]::ParameterName, 'Configuration file instead of the one in the user''s config folder')
            [CompletionResult]::new('--mode', '--mode', [CompletionResultType]::ParameterName, 'Where agents run; `sandbox` is the configured container mode')
            [CompletionResult]::new('--color', '--color', [CompletionResultType]::ParameterName, 'Colour: decided by the terminal, or fixed')
            [CompletionResult]::new('--json', '--json', [CompletionResultType]::ParameterName, 'Print exactly one JSON object on standard output, also on failure')
            [CompletionResult]::new('-q', '-q', [CompletionResultType]::ParameterName, 'No progress and no warnings on standard error')
            [CompletionResult]::new('--quiet', '--quiet', [CompletionResultType]::ParameterName, 'No progress and no warnings on standard error')
            [CompletionResult]::new('-v', '-v', [CompletionResultType]::ParameterName, 'Echo every external command as `+ …` on standard error, secrets redacted')
            [CompletionResult]::new('--verbose', '--verbose', [CompletionResultType]::ParameterName, 'Echo every external command as `+ …` on standard error, secrets redacted')
            [CompletionResult]::new('--no-input', '--no-input', [CompletionResultType]::ParameterName, 'Never ask anything')
            [CompletionResult]::new('-h', '-h', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            [CompletionResult]::new('--help', '--help', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            break
        }
        'ringfence;sandbox;doctor' {
            [CompletionResult]::new('-a', '-a', [CompletionResultType]::ParameterName, 'Agent to check (repeatable; default: the configured one)')
            [CompletionResult]::new('--agent', '--agent', [CompletionResultType]::ParameterName, 'Agent to check (repeatable; default: the configured one)')
            [CompletionResult]::new('-C', '-C ', [CompletionResultType]::ParameterName, 'The folder agents would work in (default: the current one)')
            [CompletionResult]::new('--workspace', '--workspace', [CompletionResultType]::ParameterName, 'The folder agents would work in (default: the current one)')
            [CompletionResult]::new('--config', '--config', [CompletionResultType]::ParameterName, 'Configuration file instead of the one in the user''s config folder')
            [CompletionResult]::new('--mode', '--mode', [CompletionResultType]::ParameterName, 'Where agents run; `sandbox` is the configured container mode')
            [CompletionResult]::new('--color', '--color', [CompletionResultType]::ParameterName, 'Colour: decided by the terminal, or fixed')
            [CompletionResult]::new('--quick', '--quick', [CompletionResultType]::ParameterName, 'Only look: start nothing, neither a sandbox nor an agent in one')
            [CompletionResult]::new('--live', '--live', [CompletionResultType]::ParameterName, 'Ask each agent''s model for one word')
            [CompletionResult]::new('--json', '--json', [CompletionResultType]::ParameterName, 'Print exactly one JSON object on standard output, also on failure')
            [CompletionResult]::new('-q', '-q', [CompletionResultType]::ParameterName, 'No progress and no warnings on standard error')
            [CompletionResult]::new('--quiet', '--quiet', [CompletionResultType]::ParameterName, 'No progress and no warnings on standard error')
            [CompletionResult]::new('-v', '-v', [CompletionResultType]::ParameterName, 'Echo every external command as `+ …` on standard error, secrets redacted')
            [CompletionResult]::new('--verbose', '--verbose', [CompletionResultType]::ParameterName, 'Echo every external command as `+ …` on standard error, secrets redacted')
            [CompletionResult]::new('--no-input', '--no-input', [CompletionResultType]::ParameterName, 'Never ask anything')
            [CompletionResult]::new('-h', '-h', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            [CompletionResult]::new('--help', '--help', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            break
        }
        'ringfence;sandbox;set' {
            [CompletionResult]::new('--config', '--config', [CompletionResultType]::ParameterName, 'Configuration file instead of the one in the user''s config folder')
            [CompletionResult]::new('--mode', '--mode', [CompletionResultType]::ParameterName, 'Where agents run; `sandbox` is the configured container mode')
            [CompletionResult]::new('--color', '--color', [CompletionResultType]::ParameterName, 'Colour: decided by the terminal, or fixed')
            [CompletionResult]::new('--json', '--json', [CompletionResultType]::ParameterName, 'Print exactly one JSON object on standard output, also on failure')
            [CompletionResult]::new('-q', '-q', [CompletionResultType]::ParameterName, 'No progress and no warnings on standard error')
            [CompletionResult]::new('--quiet', '--quiet', [CompletionResultType]::ParameterName, 'No progress and no warnings on standard error')
            [CompletionResult]::new('-v', '-v', [CompletionResultType]::ParameterName, 'Echo every external command as `+ …` on standard error, secrets redacted')
            [CompletionResult]::new('--verbose', '--verbose', [CompletionResultType]::ParameterName, 'Echo every external command as `+ …` on standard error, secrets redacted')
            [CompletionResult]::new('--no-input', '--no-input', [CompletionResultType]::ParameterName, 'Never ask anything')
            [CompletionResult]::new('-h', '-h', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            [CompletionResult]::new('--help', '--help', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            break
        }
        'ringfence;sandbox;build-image' {
            [CompletionResult]::new('--tag', '--tag', [CompletionResultType]::ParameterName, 'Name of the new image (default: the configured one)')
            [CompletionResult]::new('--base', '--base', [CompletionResultType]::ParameterName, 'Image to build on: Debian or one of its kin')
            [CompletionResult]::new('--agent', '--agent', [CompletionResultType]::ParameterName, 'Agent to install (repeatable; default: all)')
            [CompletionResult]::new('--agent-version', '--agent-version', [CompletionResultType]::ParameterName, 'Version of an agent, as its registry knows it (repeatable; default: latest)')
            [CompletionResult]::new('--ca-cert', '--ca-cert', [CompletionResultType]::ParameterName, 'Trust the certificates in this PEM file, during the build and in the image (default: those of `$NODE_EXTRA_CA_CERTS`, else `$SSL_CERT_FILE`)')
            [CompletionResult]::new('--config', '--config', [CompletionResultType]::ParameterName, 'Configuration file instead of the one in the user''s config folder')
            [CompletionResult]::new('--mode', '--mode', [CompletionResultType]::ParameterName, 'Where agents run; `sandbox` is the configured container mode')
            [CompletionResult]::new('--color', '--color', [CompletionResultType]::ParameterName, 'Colour: decided by the terminal, or fixed')
            [CompletionResult]::new('--no-cache', '--no-cache', [CompletionResultType]::ParameterName, 'Use no layer of an earlier build')
            [CompletionResult]::new('--pull', '--pull', [CompletionResultType]::ParameterName, 'Ask the registry for a newer base image')
            [CompletionResult]::new('--print', '--print', [CompletionResultType]::ParameterName, 'Print the Dockerfile and build nothing')
            [CompletionResult]::new('--json', '--json', [CompletionResultType]::ParameterName, 'Print exactly one JSON object on standard output, also on failure')
            [CompletionResult]::new('-q', '-q', [CompletionResultType]::ParameterName, 'No progress and no warnings on standard error')
            [CompletionResult]::new('--quiet', '--quiet', [CompletionResultType]::ParameterName, 'No progress and no warnings on standard error')
            [CompletionResult]::new('-v', '-v', [CompletionResultType]::ParameterName, 'Echo every external command as `+ …` on standard error, secrets redacted')
            [CompletionResult]::new('--verbose', '--verbose', [CompletionResultType]::ParameterName, 'Echo every external command as `+ …` on standard error, secrets redacted')
            [CompletionResult]::new('--no-input', '--no-input', [CompletionResultType]::ParameterName, 'Never ask anything')
            [CompletionResult]::new('-h', '-h', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            [CompletionResult]::new('--help', '--help', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            break
        }
        'ringfence;sandbox;create' {
            [CompletionResult]::new('-a', '-a', [CompletionResultType]::ParameterName, 'The agent it is for')
            [CompletionResult]::new('--agent', '--agent', [CompletionResultType]::ParameterName, 'The agent it is for')
            [CompletionResult]::new('--loop', '--loop', [CompletionResultType]::ParameterName, 'The loop it is for: `run --loop ID` then finds it')
            [CompletionResult]::new('-C', '-C ', [CompletionResultType]::ParameterName, 'The folder it is for (default: the current one)')
            [CompletionResult]::new('--workspace', '--workspace', [CompletionResultType]::ParameterName, 'The folder it is for (default: the current one)')
            [CompletionResult]::new('--image', '--image', [CompletionResultType]::ParameterName, 'Container image')
            [CompletionResult]::new('--template', '--template', [CompletionResultType]::ParameterName, 'Container image')
            [CompletionResult]::new('--network', '--network', [CompletionResultType]::ParameterName, 'Container network: bridge, none, or a network''s name')
            [CompletionResult]::new('--memory', '--memory', [CompletionResultType]::ParameterName, 'Memory limit, such as 4g')
            [CompletionResult]::new('--cpus', '--cpus', [CompletionResultType]::ParameterName, 'CPU limit, such as 2 or 1.5')
            [CompletionResult]::new('--mount', '--mount', [CompletionResultType]::ParameterName, 'Mount a further folder or file; read-only with `:ro` (repeatable)')
            [CompletionResult]::new('--config', '--config', [CompletionResultType]::ParameterName, 'Configuration file instead of the one in the user''s config folder')
            [CompletionResult]::new('--mode', '--mode', [CompletionResultType]::ParameterName, 'Where agents run; `sandbox` is the configured container mode')
            [CompletionResult]::new('--color', '--color', [CompletionResultType]::ParameterName, 'Colour: decided by the terminal, or fixed')
            [CompletionResult]::new('--if-missing', '--if-missing', [CompletionResultType]::ParameterName, 'It is no error that it is there already')
            [CompletionResult]::new('--json', '--json', [CompletionResultType]::ParameterName, 'Print exactly one JSON object on standard output, also on failure')
            [CompletionResult]::new('-q', '-q', [CompletionResultType]::ParameterName, 'No progress and no warnings on standard error')
            [CompletionResult]::new('--quiet', '--quiet', [CompletionResultType]::ParameterName, 'No progress and no warnings on standard error')
            [CompletionResult]::new('-v', '-v', [CompletionResultType]::ParameterName, 'Echo every external command as `+ …` on standard error, secrets redacted')
            [CompletionResult]::new('--verbose', '--verbose', [CompletionResultType]::ParameterName, 'Echo every external command as `+ …` on standard error, secrets redacted')
            [CompletionResult]::new('--no-input', '--no-input', [CompletionResultType]::ParameterName, 'Never ask anything')
            [CompletionResult]::new('-h', '-h', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            [CompletionResult]::new('--help', '--help', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            break
        }
        'ringfence;sandbox;exec' {
            [CompletionResult]::new('-e', '-e', [CompletionResultType]::ParameterName, 'Hand in a variable, with a value or from the caller''s environment (repeatable)')
            [CompletionResult]::new('--env', '--env', [CompletionResultType]::ParameterName, 'Hand in a variable, with a value or from the caller''s environment (repeatable)')
            [CompletionResult]::new('-w', '-w', [CompletionResultType]::ParameterName, 'The folder to start in, as the sandbox calls it (default: its workspace)')
            [CompletionResult]::new('--workdir', '--workdir', [CompletionResultType]::ParameterName, 'The folder to start in, as the sandbox calls it (default: its workspace)')
            [CompletionResult]::new('-a', '-a', [CompletionResultType]::ParameterName, 'Whose credential to hand in (default: the command''s own, where that is an agent)')
            [CompletionResult]::new('--agent', '--agent', [CompletionResultType]::ParameterName, 'Whose credential to hand in (default: the command''s own, where that is an agent)')
            [CompletionResult]::new('--config', '--config', [CompletionResultType]::ParameterName, 'Configuration file instead of the one in the user''s config folder')
            [CompletionResult]::new('--mode', '--mode', [CompletionResultType]::ParameterName, 'Where agents run; `sandbox` is the configured container mode')
            [CompletionResult]::new('--color', '--color', [CompletionResultType]::ParameterName, 'Colour: decided by the terminal, or fixed')
            [CompletionResult]::new('-i', '-i', [CompletionResultType]::ParameterName, 'Give the command our standard input')
            [CompletionResult]::new('--interactive', '--interactive', [CompletionResultType]::ParameterName, 'Give the command our standard input')
            [CompletionResult]::new('-t', '-t', [CompletionResultType]::ParameterName, 'Give the command a terminal')
            [CompletionResult]::new('--tty', '--tty', [CompletionResultType]::ParameterName, 'Give the command a terminal')
            [CompletionResult]::new('--json', '--json', [CompletionResultType]::ParameterName, 'Print exactly one JSON object on standard output, also on failure')
            [CompletionResult]::new('-q', '-q', [CompletionResultType]::ParameterName, 'No progress and no warnings on standard error')
            [CompletionResult]::new('--quiet', '--quiet', [CompletionResultType]::ParameterName, 'No progress and no warnings on standard error')
            [CompletionResult]::new('-v', '-v', [CompletionResultType]::ParameterName, 'Echo every external command as `+ …` on standard error, secrets redacted')
            [CompletionResult]::new('--verbose', '--verbose', [CompletionResultType]::ParameterName, 'Echo every external command as `+ …` on standard error, secrets redacted')
            [CompletionResult]::new('--no-input', '--no-input', [CompletionResultType]::ParameterName, 'Never ask anything')
            [CompletionResult]::new('-h', '-h', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            [CompletionResult]::new('--help', '--help', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            break
        }
        'ringfence;sandbox;ls' {
            [CompletionResult]::new('--config', '--config', [CompletionResultType]::ParameterName, 'Configuration file instead of the one in the user''s config folder')
            [CompletionResult]::new('--mode', '--mode', [CompletionResultType]::ParameterName, 'Where agents run; `sandbox` is the configured container mode')
            [CompletionResult]::new('--color', '--color', [CompletionResultType]::ParameterName, 'Colour: decided by the terminal, or fixed')
            [CompletionResult]::new('--json', '--json', [CompletionResultType]::ParameterName, 'Print exactly one JSON object on standard output, also on failure')
            [CompletionResult]::new('-q', '-q', [CompletionResultType]::ParameterName, 'No progress and no warnings on standard error')
            [CompletionResult]::new('--quiet', '--quiet', [CompletionResultType]::ParameterName, 'No progress and no warnings on standard error')
            [CompletionResult]::new('-v', '-v', [CompletionResultType]::ParameterName, 'Echo every external command as `+ …` on standard error, secrets redacted')
            [CompletionResult]::new('--verbose', '--verbose', [CompletionResultType]::ParameterName, 'Echo every external command as `+ …` on standard error, secrets redacted')
            [CompletionResult]::new('--no-input', '--no-input', [CompletionResultType]::ParameterName, 'Never ask anything')
            [CompletionResult]::new('-h', '-h', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            [CompletionResult]::new('--help', '--help', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            break
        }
        'ringfence;sandbox;stop' {
            [CompletionResult]::new('--config', '--config', [CompletionResultType]::ParameterName, 'Configuration file instead of the one in the user''s config folder')
            [CompletionResult]::new('--mode', '--mode', [CompletionResultType]::ParameterName, 'Where agents run; `sandbox` is the configured container mode')
            [CompletionResult]::new('--color', '--color', [CompletionResultType]::ParameterName, 'Colour: decided by the terminal, or fixed')
            [CompletionResult]::new('--json', '--json', [CompletionResultType]::ParameterName, 'Print exactly one JSON object on standard output, also on failure')
            [CompletionResult]::new('-q', '-q', [CompletionResultType]::ParameterName, 'No progress and no warnings on standard error')
            [CompletionResult]::new('--quiet', '--quiet', [CompletionResultType]::ParameterName, 'No progress and no warnings on standard error')
            [CompletionResult]::new('-v', '-v', [CompletionResultType]::ParameterName, 'Echo every external command as `+ …` on standard error, secrets redacted')
            [CompletionResult]::new('--verbose', '--verbose', [CompletionResultType]::ParameterName, 'Echo every external command as `+ …` on standard error, secrets redacted')
            [CompletionResult]::new('--no-input', '--no-input', [CompletionResultType]::ParameterName, 'Never ask anything')
            [CompletionResult]::new('-h', '-h', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            [CompletionResult]::new('--help', '--help', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            break
        }
        'ringfence;sandbox;rm' {
            [CompletionResult]::new('--loop', '--loop', [CompletionResultType]::ParameterName, 'All of this loop')
            [CompletionResult]::new('--config', '--config', [CompletionResultType]::ParameterName, 'Configuration file instead of the one in the user''s config folder')
            [CompletionResult]::new('--mode', '--mode', [CompletionResultType]::ParameterName, 'Where agents run; `sandbox` is the configured container mode')
            [CompletionResult]::new('--color', '--color', [CompletionResultType]::ParameterName, 'Colour: decided by the terminal, or fixed')
            [CompletionResult]::new('--all', '--all', [CompletionResultType]::ParameterName, 'All there are')
            [CompletionResult]::new('--json', '--json', [CompletionResultType]::ParameterName, 'Print exactly one JSON object on standard output, also on failure')
            [CompletionResult]::new('-q', '-q', [CompletionResultType]::ParameterName, 'No progress and no warnings on standard error')
            [CompletionResult]::new('--quiet', '--quiet', [CompletionResultType]::ParameterName, 'No progress and no warnings on standard error')
            [CompletionResult]::new('-v', '-v', [CompletionResultType]::ParameterName, 'Echo every external command as `+ …` on standard error, secrets redacted')
            [CompletionResult]::new('--verbose', '--verbose', [CompletionResultType]::ParameterName, 'Echo every external command as `+ …` on standard error, secrets redacted')
            [CompletionResult]::new('--no-input', '--no-input', [CompletionResultType]::ParameterName, 'Never ask anything')
            [CompletionResult]::new('-h', '-h', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            [CompletionResult]::new('--help', '--help', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            break
        }
        'ringfence;sandbox;save' {
            [CompletionResult]::new('--config', '--config', [CompletionResultType]::ParameterName, 'Configuration file instead of the one in the user''s config folder')
            [CompletionResult]::new('--mode', '--mode', [CompletionResultType]::ParameterName, 'Where agents run; `sandbox` is the configured container mode')
            [CompletionResult]::new('--color', '--color', [CompletionResultType]::ParameterName, 'Colour: decided by the terminal, or fixed')
            [CompletionResult]::new('--json', '--json', [CompletionResultType]::ParameterName, 'Print exactly one JSON object on standard output, also on failure')
            [CompletionResult]::new('-q', '-q', [CompletionResultType]::ParameterName, 'No progress and no warnings on standard error')
            [CompletionResult]::new('--quiet', '--quiet', [CompletionResultType]::ParameterName, 'No progress and no warnings on standard error')
            [CompletionResult]::new('-v', '-v', [CompletionResultType]::ParameterName, 'Echo every external command as `+ …` on standard error, secrets redacted')
            [CompletionResult]::new('--verbose', '--verbose', [CompletionResultType]::ParameterName, 'Echo every external command as `+ …` on standard error, secrets redacted')
            [CompletionResult]::new('--no-input', '--no-input', [CompletionResultType]::ParameterName, 'Never ask anything')
            [CompletionResult]::new('-h', '-h', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            [CompletionResult]::new('--help', '--help', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            break
        }
        'ringfence;sandbox;prune' {
            [CompletionResult]::new('--older-than', '--older-than', [CompletionResultType]::ParameterName, 'Remove warm sandboxes that were made longer ago than this, too')
            [CompletionResult]::new('--config', '--config', [CompletionResultType]::ParameterName, 'Configuration file instead of the one in the user''s config folder')
            [CompletionResult]::new('--mode', '--mode', [CompletionResultType]::ParameterName, 'Where agents run; `sandbox` is the configured container mode')
            [CompletionResult]::new('--color', '--color', [CompletionResultType]::ParameterName, 'Colour: decided by the terminal, or fixed')
            [CompletionResult]::new('--dry-run', '--dry-run', [CompletionResultType]::ParameterName, 'Say what would go, and remove nothing')
            [CompletionResult]::new('--json', '--json', [CompletionResultType]::ParameterName, 'Print exactly one JSON object on standard output, also on failure')
            [CompletionResult]::new('-q', '-q', [CompletionResultType]::ParameterName, 'No progress and no warnings on standard error')
            [CompletionResult]::new('--quiet', '--quiet', [CompletionResultType]::ParameterName, 'No progress and no warnings on standard error')
            [CompletionResult]::new('-v', '-v', [CompletionResultType]::ParameterName, 'Echo every external command as `+ …` on standard error, secrets redacted')
            [CompletionResult]::new('--verbose', '--verbose', [CompletionResultType]::ParameterName, 'Echo every external command as `+ …` on standard error, secrets redacted')
            [CompletionResult]::new('--no-input', '--no-input', [CompletionResultType]::ParameterName, 'Never ask anything')
            [CompletionResult]::new('-h', '-h', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            [CompletionResult]::new('--help', '--help', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            break
        }
        'ringfence;sandbox;help' {
            [CompletionResult]::new('show', 'show', [CompletionResultType]::ParameterValue, 'Show every effective value with its origin, and what each mode guarantees')
            [CompletionResult]::new('doctor', 'doctor', [CompletionResultType]::ParameterValue, 'Find out whether runs work here: the real path, every step of it, and what to type where one does not')
            [CompletionResult]::new('set', 'set', [CompletionResultType]::ParameterValue, 'Change the configuration file: a mode, or any key')
            [CompletionResult]::new('build-image', 'build-image', [CompletionResultType]::ParameterValue, 'Build the worker image that container modes run in')
            [CompletionResult]::new('create', 'create', [CompletionResultType]::ParameterValue, 'Make a warm sandbox: a hardened container that stays, for many runs')
            [CompletionResult]::new('exec', 'exec', [CompletionResultType]::ParameterValue, 'Run a command of your own in a warm sandbox')
            [CompletionResult]::new('ls', 'ls', [CompletionResultType]::ParameterValue, 'List the warm sandboxes')
            [CompletionResult]::new('stop', 'stop', [CompletionResultType]::ParameterValue, 'Stop warm sandboxes; the next run or exec starts them again, with an empty home')
            [CompletionResult]::new('rm', 'rm', [CompletionResultType]::ParameterValue, 'Remove warm sandboxes, with whatever runs in them')
            [CompletionResult]::new('save', 'save', [CompletionResultType]::ParameterValue, 'Save what was installed in a warm sandbox as an image')
            [CompletionResult]::new('prune', 'prune', [CompletionResultType]::ParameterValue, 'Remove containers whose owner died, and old warm sandboxes')
            [CompletionResult]::new('help', 'help', [CompletionResultType]::ParameterValue, 'Print this message or the help of the given subcommand(s)')
            break
        }
        'ringfence;sandbox;help;show' {
            break
        }
        'ringfence;sandbox;help;doctor' {
            break
        }
        'ringfence;sandbox;help;set' {
            break
        }
        'ringfence;sandbox;help;build-image' {
            break
        }
        'ringfence;sandbox;help;create' {
            break
        }
        'ringfence;sandbox;help;exec' {
            break
        }
        'ringfence;sandbox;help;ls' {
            break
        }
        'ringfence;sandbox;help;stop' {
            break
        }
        'ringfence;sandbox;help;rm' {
            break
        }
        'ringfence;sandbox;help;save' {
            break
        }
        'ringfence;sandbox;help;prune' {
            break
        }
        'ringfence;sandbox;help;help' {
            break
        }
        'ringfence;auth' {
            [CompletionResult]::new('--config', '--config', [CompletionResultType]::ParameterName, 'Configuration file instead of the one in the user''s config folder')
            [CompletionResult]::new('--mode', '--mode', [CompletionResultType]::ParameterName, 'Where agents run; `sandbox` is the configured container mode')
            [CompletionResult]::new('--color', '--color', [CompletionResultType]::ParameterName, 'Colour: decided by the terminal, or fixed')
            [CompletionResult]::new('--json', '--json', [CompletionResultType]::ParameterName, 'Print exactly one JSON object on standard output, also on failure')
            [CompletionResult]::new('-q', '-q', [CompletionResultType]::ParameterName, 'No progress and no warnings on standard error')
            [CompletionResult]::new('--quiet', '--quiet', [CompletionResultType]::ParameterName, 'No progress and no warnings on standard error')
            [CompletionResult]::new('-v', '-v', [CompletionResultType]::ParameterName, 'Echo every external command as `+ …` on standard error, secrets redacted')
            [CompletionResult]::new('--verbose', '--verbose', [CompletionResultType]::ParameterName, 'Echo every external command as `+ …` on standard error, secrets redacted')
            [CompletionResult]::new('--no-input', '--no-input', [CompletionResultType]::ParameterName, 'Never ask anything')
            [CompletionResult]::new('-h', '-h', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            [CompletionResult]::new('--help', '--help', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            [CompletionResult]::new('check', 'check', [CompletionResultType]::ParameterValue, 'Ask, step by step, whether a run of this agent would be logged in')
            [CompletionResult]::new('help', 'help', [CompletionResultType]::ParameterValue, 'Print this message or the help of the given subcommand(s)')
            break
        }
        'ringfence;auth;check' {
            [CompletionResult]::new('--environment', '--environment', [CompletionResultType]::ParameterName, 'Where it would run (default: the configured mode)')
            [CompletionResult]::new('--timeout', '--timeout', [CompletionResultType]::ParameterName, 'Wall clock limit of what is started, in seconds or such as 1m (default: 15 on the host, 20 in a container)')
            [CompletionResult]::new('-C', '-C ', [CompletionResultType]::ParameterName, 'The folder the agent would work in (default: the current one)')
            [CompletionResult]::new('--workspace', '--workspace', [CompletionResultType]::ParameterName, 'The folder the agent would work in (default: the current one)')
            [CompletionResult]::new('--config', '--config', [CompletionResultType]::ParameterName, 'Configuration file instead of the one in the user''s config folder')
            [CompletionResult]::new('--mode', '--mode', [CompletionResultType]::ParameterName, 'Where agents run; `sandbox` is the configured container mode')
            [CompletionResult]::new('--color', '--color', [CompletionResultType]::ParameterName, 'Colour: decided by the terminal, or fixed')
            [CompletionResult]::new('--quick', '--quick', [CompletionResultType]::ParameterName, 'Stop before its model is asked for one word')
            [CompletionResult]::new('--json', '--json', [CompletionResultType]::ParameterName, 'Print exactly one JSON object on standard output, also on failure')
            [CompletionResult]::new('-q', '-q', [CompletionResultType]::ParameterName, 'No progress and no warnings on standard error')
            [CompletionResult]::new('--quiet', '--quiet', [CompletionResultType]::ParameterName, 'No progress and no warnings on standard error')
            [CompletionResult]::new('-v', '-v', [CompletionResultType]::ParameterName, 'Echo every external command as `+ …` on standard error, secrets redacted')
            [CompletionResult]::new('--verbose', '--verbose', [CompletionResultType]::ParameterName, 'Echo every external command as `+ …` on standard error, secrets redacted')
            [CompletionResult]::new('--no-input', '--no-input', [CompletionResultType]::ParameterName, 'Never ask anything')
            [CompletionResult]::new('-h', '-h', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            [CompletionResult]::new('--help', '--help', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            break
        }
        'ringfence;auth;help' {
            [CompletionResult]::new('check', 'check', [CompletionResultType]::ParameterValue, 'Ask, step by step, whether a run of this agent would be logged in')
            [CompletionResult]::new('help', 'help', [CompletionResultType]::ParameterValue, 'Print this message or the help of the given subcommand(s)')
            break
        }
        'ringfence;auth;help;check' {
            break
        }
        'ringfence;auth;help;help' {
            break
        }
        'ringfence;dead-letter' {
            [CompletionResult]::new('--config', '--config', [CompletionResultType]::ParameterName, 'Configuration file instead of the one in the user''s config folder')
            [CompletionResult]::new('--mode', '--mode', [CompletionResultType]::ParameterName, 'Where agents run; `sandbox` is the configured container mode')
            [CompletionResult]::new('--color', '--color', [CompletionResultType]::ParameterName, 'Colour: decided by the terminal, or fixed')
            [CompletionResult]::new('--json', '--json', [CompletionResultType]::ParameterName, 'Print exactly one JSON object on standard output, also on failure')
            [CompletionResult]::new('-q', '-q', [CompletionResultType]::ParameterName, 'No progress and no warnings on standard error')
            [CompletionResult]::new('--quiet', '--quiet', [CompletionResultType]::ParameterName, 'No progress and no warnings on standard error')
            [CompletionResult]::new('-v', '-v', [CompletionResultType]::ParameterName, 'Echo every external command as `+ …` on standard error, secrets redacted')
            [CompletionResult]::new('--verbose', '--verbose', [CompletionResultType]::ParameterName, 'Echo every external command as `+ …` on standard error, secrets redacted')
            [CompletionResult]::new('--no-input', '--no-input', [CompletionResultType]::ParameterName, 'Never ask anything')
            [CompletionResult]::new('-h', '-h', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            [CompletionResult]::new('--help', '--help', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            [CompletionResult]::new('list', 'list', [CompletionResultType]::ParameterValue, 'List the letters, oldest first')
            [CompletionResult]::new('show', 'show', [CompletionResultType]::ParameterValue, 'Show one letter')
            [CompletionResult]::new('replay', 'replay', [CompletionResultType]::ParameterValue, 'Run the tasks of letters again, one after the other; a letter goes once its task succeeded')
            [CompletionResult]::new('rm', 'rm', [CompletionResultType]::ParameterValue, 'Remove letters')
            [CompletionResult]::new('help', 'help', [CompletionResultType]::ParameterValue, 'Print this message or the help of the given subcommand(s)')
            break
        }
        'ringfence;dead-letter;list' {
            [CompletionResult]::new('--config', '--config', [CompletionResultType]::ParameterName, 'Configuration file instead of the one in the user''s config folder')
            [CompletionResult]::new('--mode', '--mode', [CompletionResultType]::ParameterName, 'Where agents run; `sandbox` is the configured container mode')
            [CompletionResult]::new('--color', '--color', [CompletionResultType]::ParameterName, 'Colour: decided by the terminal, or fixed')
            [CompletionResult]::new('--json', '--json', [CompletionResultType]::ParameterName, 'Print exactly one JSON object on standard output, also on failure')
            [CompletionResult]::new('-q', '-q', [CompletionResultType]::ParameterName, 'No progress and no warnings on standard error')
            [CompletionResult]::new('--quiet', '--quiet', [CompletionResultType]::ParameterName, 'No progress and no warnings on standard error')
            [CompletionResult]::new('-v', '-v', [CompletionResultType]::ParameterName, 'Echo every external command as `+ …` on standard error, secrets redacted')
            [CompletionResult]::new('--verbose', '--verbose', [CompletionResultType]::ParameterName, 'Echo every external command as `+ …` on standard error, secrets redacted')
            [CompletionResult]::new('--no-input', '--no-input', [CompletionResultType]::ParameterName, 'Never ask anything')
            [CompletionResult]::new('-h', '-h', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            [CompletionResult]::new('--help', '--help', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            break
        }
        'ringfence;dead-letter;show' {
            [CompletionResult]::new('--config', '--config', [CompletionResultType]::ParameterName, 'Configuration file instead of the one in the user''s config folder')
            [CompletionResult]::new('--mode', '--mode', [CompletionResultType]::ParameterName, 'Where agents run; `sandbox` is the configured container mode')
            [CompletionResult]::new('--color', '--color', [CompletionResultType]::ParameterName, 'Colour: decided by the terminal, or fixed')
            [CompletionResult]::new('--json', '--json', [CompletionResultType]::ParameterName, 'Print exactly one JSON object on standard output, also on failure')
            [CompletionResult]::new('-q', '-q', [CompletionResultType]::ParameterName, 'No progress and no warnings on standard error')
            [CompletionResult]::new('--quiet', '--quiet', [CompletionResultType]::ParameterName, 'No progress and no warnings on standard error')
            [CompletionResult]::new('-v', '-v', [CompletionResultType]::ParameterName, 'Echo every external command as `+ …` on standard error, secrets redacted')
            [CompletionResult]::new('--verbose', '--verbose', [CompletionResultType]::ParameterName, 'Echo every external command as `+ …` on standard error, secrets redacted')
            [CompletionResult]::new('--no-input', '--no-input', [CompletionResultType]::ParameterName, 'Never ask anything')
            [CompletionResult]::new('-h', '-h', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            [CompletionResult]::new('--help', '--help', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            break
        }
        'ringfence;dead-letter;replay' {
            [CompletionResult]::new('--config', '--config', [CompletionResultType]::ParameterName, 'Configuration file instead of the one in the user''s config folder')
            [CompletionResult]::new('--mode', '--mode', [CompletionResultType]::ParameterName, 'Where agents run; `sandbox` is the configured container mode')
            [CompletionResult]::new('--color', '--color', [CompletionResultType]::ParameterName, 'Colour: decided by the terminal, or fixed')
            [CompletionResult]::new('--all', '--all', [CompletionResultType]::ParameterName, 'Every letter')
            [CompletionResult]::new('--json', '--json', [CompletionResultType]::ParameterName, 'Print exactly one JSON object on standard output, also on failure')
            [CompletionResult]::new('-q', '-q', [CompletionResultType]::ParameterName, 'No progress and no warnings on standard error')
            [CompletionResult]::new('--quiet', '--quiet', [CompletionResultType]::ParameterName, 'No progress and no warnings on standard error')
            [CompletionResult]::new('-v', '-v', [CompletionResultType]::ParameterName, 'Echo every external command as `+ …` on standard error, secrets redacted')
            [CompletionResult]::new('--verbose', '--verbose', [CompletionResultType]::ParameterName, 'Echo every external command as `+ …` on standard error, secrets redacted')
            [CompletionResult]::new('--no-input', '--no-input', [CompletionResultType]::ParameterName, 'Never ask anything')
            [CompletionResult]::new('-h', '-h', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            [CompletionResult]::new('--help', '--help', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            break
        }
        'ringfence;dead-letter;rm' {
            [CompletionResult]::new('--config', '--config', [CompletionResultType]::ParameterName, 'Configuration file instead of the one in the user''s config folder')
            [CompletionResult]::new('--mode', '--mode', [CompletionResultType]::ParameterName, 'Where agents run; `sandbox` is the configured container mode')
            [CompletionResult]::new('--color', '--color', [CompletionResultType]::ParameterName, 'Colour: decided by the terminal, or fixed')
            [CompletionResult]::new('--all', '--all', [CompletionResultType]::ParameterName, 'Every letter')
            [CompletionResult]::new('--json', '--json', [CompletionResultType]::ParameterName, 'Print exactly one JSON object on standard output, also on failure')
            [CompletionResult]::new('-q', '-q', [CompletionResultType]::ParameterName, 'No progress and no warnings on standard error')
            [CompletionResult]::new('--quiet', '--quiet', [CompletionResultType]::ParameterName, 'No progress and no warnings on standard error')
            [CompletionResult]::new('-v', '-v', [CompletionResultType]::ParameterName, 'Echo every external command as `+ …` on standard error, secrets redacted')
            [CompletionResult]::new('--verbose', '--verbose', [CompletionResultType]::ParameterName, 'Echo every external command as `+ …` on standard error, secrets redacted')
            [CompletionResult]::new('--no-input', '--no-input', [CompletionResultType]::ParameterName, 'Never ask anything')
            [CompletionResult]::new('-h', '-h', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            [CompletionResult]::new('--help', '--help', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            break
        }
        'ringfence;dead-letter;help' {
            [CompletionResult]::new('list', 'list', [CompletionResultType]::ParameterValue, 'List the letters, oldest first')
            [CompletionResult]::new('show', 'show', [CompletionResultType]::ParameterValue, 'Show one letter')
            [CompletionResult]::new('replay', 'replay', [CompletionResultType]::ParameterValue, 'Run the tasks of letters again, one after the other; a letter goes once its task succeeded')
            [CompletionResult]::new('rm', 'rm', [CompletionResultType]::ParameterValue, 'Remove letters')
            [CompletionResult]::new('help', 'help', [CompletionResultType]::ParameterValue, 'Print this message or the help of the given subcommand(s)')
            break
        }
        'ringfence;dead-letter;help;list' {
            break
        }
        'ringfence;dead-letter;help;show' {
            break
        }
        'ringfence;dead-letter;help;replay' {
            break
        }
        'ringfence;dead-letter;help;rm' {
            break
        }
        'ringfence;dead-letter;help;help' {
            break
        }
        'ringfence;completions' {
            [CompletionResult]::new('--config', '--config', [CompletionResultType]::ParameterName, 'Configuration file instead of the one in the user''s config folder')
            [CompletionResult]::new('--mode', '--mode', [CompletionResultType]::ParameterName, 'Where agents run; `sandbox` is the configured container mode')
            [CompletionResult]::new('--color', '--color', [CompletionResultType]::ParameterName, 'Colour: decided by the terminal, or fixed')
            [CompletionResult]::new('--json', '--json', [CompletionResultType]::ParameterName, 'Print exactly one JSON object on standard output, also on failure')
            [CompletionResult]::new('-q', '-q', [CompletionResultType]::ParameterName, 'No progress and no warnings on standard error')
            [CompletionResult]::new('--quiet', '--quiet', [CompletionResultType]::ParameterName, 'No progress and no warnings on standard error')
            [CompletionResult]::new('-v', '-v', [CompletionResultType]::ParameterName, 'Echo every external command as `+ …` on standard error, secrets redacted')
            [CompletionResult]::new('--verbose', '--verbose', [CompletionResultType]::ParameterName, 'Echo every external command as `+ …` on standard error, secrets redacted')
            [CompletionResult]::new('--no-input', '--no-input', [CompletionResultType]::ParameterName, 'Never ask anything')
            [CompletionResult]::new('-h', '-h', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            [CompletionResult]::new('--help', '--help', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            break
        }
        'ringfence;schema' {
            [CompletionResult]::new('--config', '--config', [CompletionResultType]::ParameterName, 'Configuration file instead of the one in the user''s config folder')
            [CompletionResult]::new('--mode', '--mode', [CompletionResultType]::ParameterName, 'Where agents run; `sandbox` is the configured container mode')
            [CompletionResult]::new('--color', '--color', [CompletionResultType]::ParameterName, 'Colour: decided by the terminal, or fixed')
            [CompletionResult]::new('--json', '--json', [CompletionResultType]::ParameterName, 'Print exactly one JSON object on standard output, also on failure')
            [CompletionResult]::new('-q', '-q', [CompletionResultType]::ParameterName, 'No progress and no warnings on standard error')
            [CompletionResult]::new('--quiet', '--quiet', [CompletionResultType]::ParameterName, 'No progress and no warnings on standard error')
            [CompletionResult]::new('-v', '-v', [CompletionResultType]::ParameterName, 'Echo every external command as `+ …` on standard error, secrets redacted')
            [CompletionResult]::new('--verbose', '--verbose', [CompletionResultType]::ParameterName, 'Echo every external command as `+ …` on standard error, secrets redacted')
            [CompletionResult]::new('--no-input', '--no-input', [CompletionResultType]::ParameterName, 'Never ask anything')
            [CompletionResult]::new('-h', '-h', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            [CompletionResult]::new('--help', '--help', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            break
        }
        'ringfence;man' {
            [CompletionResult]::new('--config', '--config', [CompletionResultType]::ParameterName, 'Configuration file instead of the one in the user''s config folder')
            [CompletionResult]::new('--mode', '--mode', [CompletionResultType]::ParameterName, 'Where agents run; `sandbox` is the configured container mode')
            [CompletionResult]::new('--color', '--color', [CompletionResultType]::ParameterName, 'Colour: decided by the terminal, or fixed')
            [CompletionResult]::new('--json', '--json', [CompletionResultType]::ParameterName, 'Print exactly one JSON object on standard output, also on failure')
            [CompletionResult]::new('-q', '-q', [CompletionResultType]::ParameterName, 'No progress and no warnings on standard error')
            [CompletionResult]::new('--quiet', '--quiet', [CompletionResultType]::ParameterName, 'No progress and no warnings on standard error')
            [CompletionResult]::new('-v', '-v', [CompletionResultType]::ParameterName, 'Echo every external command as `+ …` on standard error, secrets redacted')
            [CompletionResult]::new('--verbose', '--verbose', [CompletionResultType]::ParameterName, 'Echo every external command as `+ …` on standard error, secrets redacted')
            [CompletionResult]::new('--no-input', '--no-input', [CompletionResultType]::ParameterName, 'Never ask anything')
            [CompletionResult]::new('-h', '-h', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            [CompletionResult]::new('--help', '--help', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            break
        }
        'ringfence;help' {
            [CompletionResult]::new('run', 'run', [CompletionResultType]::ParameterValue, 'Run an agent on one task and report how it ended')
            [CompletionResult]::new('sandbox', 'sandbox', [CompletionResultType]::ParameterValue, 'Look at, set up and build the sandbox')
            [CompletionResult]::new('auth', 'auth', [CompletionResultType]::ParameterValue, 'Find out whether an agent''s login works')
            [CompletionResult]::new('dead-letter', 'dead-letter', [CompletionResultType]::ParameterValue, 'Look at tasks that failed for good, and run them again')
            [CompletionResult]::new('completions', 'completions', [CompletionResultType]::ParameterValue, 'Print a shell''s completion script')
            [CompletionResult]::new('schema', 'schema', [CompletionResultType]::ParameterValue, 'Print the JSON Schema of what a command prints for programs')
            [CompletionResult]::new('man', 'man', [CompletionResultType]::ParameterValue, 'Print the manual page')
            [CompletionResult]::new('help', 'help', [CompletionResultType]::ParameterValue, 'Print this message or the help of the given subcommand(s)')
            break
        }
        'ringfence;help;run' {
            break
        }
        'ringfence;help;sandbox' {
            [CompletionResult]::new('show', 'show', [CompletionResultType]::ParameterValue, 'Show every effective value with its origin, and what each mode guarantees')
            [CompletionResult]::new('doctor', 'doctor', [CompletionResultType]::ParameterValue, 'Find out whether runs work here: the real path, every step of it, and what to type where one does not')
            [CompletionResult]::new('set', 'set', [CompletionResultType]::ParameterValue, 'Change the configuration file: a mode, or any key')
            [CompletionResult]::new('build-image', 'build-image', [CompletionResultType]::ParameterValue, 'Build the worker image that container modes run in')
            [CompletionResult]::new('create', 'create', [CompletionResultType]::ParameterValue, 'Make a warm sandbox: a hardened container that stays, for many runs')
            [CompletionResult]::new('exec', 'exec', [CompletionResultType]::ParameterValue, 'Run a command of your own in a warm sandbox')
            [CompletionResult]::new('ls', 'ls', [CompletionResultType]::ParameterValue, 'List the warm sandboxes')
            [CompletionResult]::new('stop', 'stop', [CompletionResultType]::ParameterValue, 'Stop warm sandboxes; the next run or exec starts them again, with an empty home')
            [CompletionResult]::new('rm', 'rm', [CompletionResultType]::ParameterValue, 'Remove warm sandboxes, with whatever runs in them')
            [CompletionResult]::new('save', 'save', [CompletionResultType]::ParameterValue, 'Save what was installed in a warm sandbox as an image')
            [CompletionResult]::new('prune', 'prune', [CompletionResultType]::ParameterValue, 'Remove containers whose owner died, and old warm sandboxes')
            break
        }
        'ringfence;help;sandbox;show' {
            break
        }
        'ringfence;help;sandbox;doctor' {
            break
        }
        'ringfence;help;sandbox;set' {
            break
        }
        'ringfence;help;sandbox;build-image' {
            break
        }
        'ringfence;help;sandbox;create' {
            break
        }
        'ringfence;help;sandbox;exec' {
            break
        }
        'ringfence;help;sandbox;ls' {
            break
        }
        'ringfence;help;sandbox;stop' {
            break
        }
        'ringfence;help;sandbox;rm' {
            break
        }
        'ringfence;help;sandbox;save' {
            break
        }
        'ringfence;help;sandbox;prune' {
            break
        }
        'ringfence;help;auth' {
            [CompletionResult]::new('check', 'check', [CompletionResultType]::ParameterValue, 'Ask, step by step, whether a run of this agent would be logged in')
            break
        }
        'ringfence;help;auth;check' {
            break
        }
        'ringfence;help;dead-letter' {
            [CompletionResult]::new('list', 'list', [CompletionResultType]::ParameterValue, 'List the letters, oldest first')
            [CompletionResult]::new('show', 'show', [CompletionResultType]::ParameterValue, 'Show one letter')
            [CompletionResult]::new('replay', 'replay', [CompletionResultType]::ParameterValue, 'Run the tasks of letters again, one after the other; a letter goes once its task succeeded')
            [CompletionResult]::new('rm', 'rm', [CompletionResultType]::ParameterValue, 'Remove letters')
            break
        }
        'ringfence;help;dead-letter;list' {
            break
        }
        'ringfence;help;dead-letter;show' {
            break
        }
        'ringfence;help;dead-letter;replay' {
            break
        }
        'ringfence;help;dead-letter;rm' {
            break
        }
        'ringfence;help;completions' {
            break
        }
        'ringfence;help;schema' {
            break
        }
        'ringfence;help;man' {
            break
        }
        'ringfence;help;help' {
            break
        }
    })

    $completions.Where{ $_.CompletionText -like "$wordToComplete*" } |
        Sort-Object -Property ListItemText
}
