import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { isFailure } from '../errors.ts'
import { unmountTree } from '../fs/mounts.ts'
import { removeTree } from '../fs/remove-tree.ts'
import { identify, killProcess, type ProcessIdentity } from '../process/identity.ts'
import { both } from './both.ts'
import type { Engine } from './engine.ts'

type Parts = Pick<Engine, 'config' | 'paths' | 'state' | 'self' | 'storage' | 'runtime' | 'networks'>

/** What is needed to give a run back, even when the record is gone. */
export interface RunOwner {
  readonly id: string
  readonly record: { readonly runtime: { readonly path: string }; readonly request: { readonly network: { readonly kind: string }; readonly rootfs?: unknown } }
}

/**
 * Gives back all that a run takes: runtime state, monitor, mounts, network, ports, files of the run root. Idempotent:
 * it serves a failed start, the end of a container, removal, and what a killed process or a reboot left.
 * @param dead no process of it lives any more
 */
export async function releaseRun(engine: Parts, owner: RunOwner, { dead = false }: { dead?: boolean } = {}): Promise<void> {
  const { id, record } = owner
  const deleted = engine.runtime(record.runtime.path).then((runtime) => runtime.delete(id, { force: true }))
  if (!dead) await deleted
  // The runtime's clean-up is a program of ten milliseconds: what it doesn't need goes meanwhile.
  await both(deleted, releaseHost(engine, owner))
  removeTree(engine.paths.container(id).run)
}

async function releaseHost(engine: Parts, { id, record }: RunOwner): Promise<void> {
  const { run, monitorPidFile } = engine.paths.container(id)
  const monitor = monitorOf(monitorPidFile, id)
  if (monitor) killProcess(monitor, 'SIGKILL')
  await unmountTree(run)
  await (await engine.storage()).containers.unmount(id)
  if (record.request.network.kind === 'bridge') await releaseNetwork(engine, id)
  await engine.state.containers.releasePorts(id, { durable: false })
}

/** DEL of every attachment and the namespace's end. A network that cannot be left now is an intent: the next command that writes tries again. */
export async function releaseNetwork(engine: Parts, id: string): Promise<void> {
  const networks = await engine.networks()
  const netns = networks.netnsPath(id)
  try {
    await networks.detach({ containerId: id, netns })
  } catch (error) {
    if (!isFailure(error)) throw error
    const { log } = await import('../log.ts')
    log.warn(`network of container ${id.slice(0, 12)} not released: ${error.message}; the next command tries again`)
    await engine.state.intents.open({ kind: 'teardown', target: id, owner: engine.self, data: {} }, { durable: false })
  }
  await networks.removeNetns(id)
}

/** The monitor that still runs for this container: a reused pid is told by its command line. */
function monitorOf(pidFile: string, id: string): ProcessIdentity | undefined {
  try {
    const pid = Number(readFileSync(pidFile, 'utf8'))
    const commandLine = readFileSync(join('/proc', String(pid), 'cmdline'), 'latin1')
    return commandLine.includes(id) ? identify(pid) : undefined
  } catch {
    return undefined
  }
}
