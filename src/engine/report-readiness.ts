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

/** Makes the monitor the service's main process, and with `conmon` the service ready. */
export async function reportStarted({ environment }: Pick<Engine, 'environment'>, container: Pick<Container, 'record'>, monitorPid: number): Promise<void> {
  const mode = modeOf(container)
  if (environment.notifySocket === undefined || mode === 'ignore') return
  const { code, stderr } = await runProgram('systemd-notify', [`--pid=${monitorPid}`, ...(mode === 'conmon' ? ['--ready'] : [])],
    { env: { NOTIFY_SOCKET: environment.notifySocket }, timeoutMs: NOTIFY_MS })
  if (code !== 0) log.warn(`the service manager could not be told that the container runs: ${stderr.toString().trim()}`)
}
