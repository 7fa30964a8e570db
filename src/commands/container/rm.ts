import { flag, list, patience } from '../../cli/option.ts'
import { removeContainer } from '../../engine/remove-container.ts'
import { removalWaves as wavesOf } from '../../engine/removal-waves.ts'
import { Failure, isFailure } from '../../errors.ts'
import { openBackend } from '../backend.ts'
import { defineCommand } from '../command.ts'
import { forEach, removalCode } from '../each.ts'
import { SELECTING, needOwn, selectContainers, selectOptions, settledContainers, unlessGone } from './select.ts'
import { AT_ONCE } from './stop.ts'

export const spec = defineCommand({
  name: 'rm',
  summary: 'Remove containers',
  args: [{ name: 'container', arity: 'some', complete: 'container' }],
  argsOptionalWith: SELECTING,
  options: {
    ...selectOptions,
    filter: list('--filter <filter>', 'Those that match, as of ps', { complete: 'containerFilter' }),
    external: flag('--external', 'Containers of the kubelet too'),
    force: flag('-f, --force', 'Stop what runs first; a missing container is no error'),
    ignore: flag('-i, --ignore', 'A missing container is no error'),
    depend: flag('--depend', 'Remove first the containers that join its namespaces or require it'),
    time: patience('-t, --time <seconds>', 'With --force: seconds before SIGKILL'),
    volumes: flag('-v, --volumes', 'Remove its anonymous volumes too'),
  },
  examples: ['rm web', 'rm -f web db', 'rm --all --force'],
  async run(call) {
    const { args, options, out, given } = call
    if (given.has('time') && !options.force) throw new Failure('invalid', '--time needs --force')
    const { containers, remove, removalWaves } = await openBackend(call, (engine) => ({
      containers: settledContainers(engine), remove: (id, how) => removeContainer(engine, id, how), removalWaves: (chosen) => wavesOf(engine, chosen),
    }))
    const ignore = options.ignore || options.force
    const { chosen, errors } = await selectContainers(containers, { args, ...options, ignore }, out)
    const failed: unknown[] = []
    for (const wave of await removalWaves(chosen)) {
      failed.push(...await forEach({
        items: wave, out, parallel: AT_ONCE,
        act: unlessGone({ args, ...options }, async (one) => {
          const { id, typed } = one
          if (!options.external) needOwn(containers, one, 'remove its pod there, or pass --external')
          try {
            await remove(id, {
              force: options.force, volumes: options.volumes, dependents: options.depend ? 'remove' : 'refuse', onDependentRemoved: out.line,
              ...(options.time === undefined ? {} : { stopTimeoutSeconds: options.time }),
            })
          } catch (error) {
            if (!ignore || !isFailure(error, 'notFound')) throw error
          }
          return typed
        }),
      }))
    }
    // 125 as with podman: 2 says that one runs.
    return failed.some((error) => isFailure(error, 'inUse')) ? 125 : removalCode([...errors, ...failed])
  },
})
