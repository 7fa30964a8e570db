// What the service manager that started this program learns of a container: sd_notify(3), podman's --sdnotify.
import { log } from '../log.ts'
import { runProgram } from '../process/run-program.ts'
import type { Container } from '../state/containers.ts'
import type { Engine } from './engine.ts'

const NOTIFY_MS = 10_000

const modeOf = ({ record }: Pick<Container, 'record'>) => record.request.sdnotify ?? 'container'

/** Whether the container itself says when it is ready, and its monitor passes that on. */
export const relaysReadiness = ({ environment }: Pick<Engine, 'environment'>, container: Pick<Container, 'record'>): boolean =>
  environment.notifySocket !== undefined && modeOf(container) === 'container'

/**
 * Makes the monitor the service's main process: when the container is created, so that its own words count from the first
 * on; with `conmon` when it runs, and the service is then ready.
 */
export async function reportPhase({ environment }: Pick<Engine, 'environment'>, container: Pick<Container, 'record'>, { phase, monitorPid }: { phase: 'created' | 'running'; monitorPid: number }): Promise<void> {
  if (environment.notifySocket === undefined || modeOf(container) !== (phase === 'created' ? 'container' : 'conmon')) return
  // Not with --pid: that would also be the sender, who is in a scope of its own and so not of the service.
  const { code, stderr } = await runProgram('systemd-notify', [...(phase === 'running' ? ['--ready'] : []), `MAINPID=${monitorPid}`],
    { env: { NOTIFY_SOCKET: environment.notifySocket }, timeoutMs: NOTIFY_MS })
  if (code !== 0) log.warn(`the service manager could not be told that the container runs: ${stderr.toString().trim()}`)
}
