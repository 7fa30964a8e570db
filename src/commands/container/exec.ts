import { commaList, flag, integer, list, text } from '../../cli/option.ts'
import { execContainer } from '../../engine/exec-container.ts'
import { environment } from '../../environment.ts'
import { Failure } from '../../errors.ts'
import { openBackend } from '../backend.ts'
import { defineCommand } from '../command.ts'
import { parseEnv, readEnvFile } from './request/pairs.ts'
import { readCidfile, selectOne, selectOptions } from './select.ts'
import { engineContainers } from './source.ts'
import { connectStreams } from './terminal.ts'
import { descriptors } from './preserve-fds.ts'

export const spec = defineCommand({
  name: 'exec',
  summary: 'Run a further process in a running container',
  args: [{ name: 'container', arity: 'one', complete: 'running' }, { name: 'command', arity: 'words', complete: 'command' }],
  argsOptionalWith: ['latest', 'cidfile'],
  passThrough: true,
  options: {
    cidfile: text('--cidfile <file>', 'Read the id from a file', { complete: 'file' }),
    detach: flag('-d, --detach', 'Do not wait for it; print the id of the session'),
    detachKeys: text('--detach-keys <sequence>', 'Keys that leave the process running'),
    env: list('-e, --env <name=value>', 'Set an environment variable'),
    envFile: list('--env-file <file>', 'Read environment variables from a file', { complete: 'file' }),
    interactive: flag('-i, --interactive', 'Keep standard input open'),
    latest: selectOptions.latest,
    noSession: flag('--no-session', 'Accepted for compatibility'),
    preserveFd: commaList('--preserve-fd <fd>', 'Pass on these file descriptors'),
    preserveFds: integer('--preserve-fds <number>', 'Pass on so many further file descriptors'),
    privileged: flag('--privileged', 'Give it all rights'),
    tty: flag('-t, --tty', 'Make a terminal'),
    user: text('-u, --user <user>', 'User, or user:group'),
    workdir: text('-w, --workdir <dir>', 'Working directory'),
  },
  examples: ['exec web ls /', 'exec -it web sh', 'exec -e A=1 -u 1000 web env'],
  async run(call) {
    const { args, options, out, interrupt } = call
    const named = options.cidfile === undefined ? args : [...readCidfile(options.cidfile, false), ...args]
    const command = options.latest ? named : named.slice(1)
    if (command.length === 0) throw new Failure('invalid', 'scow exec needs a command to run', { hint: "see 'scow exec --help'" })
    const preserveFds = descriptors(options)
    const { containers, exec, detachKeys } = await openBackend(call, (engine) => ({
      containers: engineContainers(engine), exec: (id, request) => execContainer(engine, id, request), detachKeys: engine.config.engine.detachKeys,
    }))
    const { id } = await selectOne(containers, { args: named, latest: options.latest })
    const here = environment().all
    const request = {
      command, env: [...options.envFile.flatMap((file) => readEnvFile(file, here)), ...parseEnv(options.env, here)], terminal: options.tty, stdin: options.interactive,
      privileged: options.privileged, ...(options.user ? { user: options.user } : {}), ...(options.workdir ? { workdir: options.workdir } : {}),
      ...(preserveFds.length ? { preserveFds } : {}),
    }
    if (options.detach) {
      out.line((await exec(id, request)).sessionId)
      return 0
    }
    const { io, restore } = connectStreams({ stdin: options.interactive, terminal: options.tty, detachKeys: options.detachKeys ?? detachKeys, interrupt })
    try {
      const { exitCode } = await exec(id, { ...request, io })
      if (exitCode === undefined) interrupt.signal.throwIfAborted()
      return exitCode ?? 0
    } finally {
      restore()
    }
  },
})
