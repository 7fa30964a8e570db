import type { MonitorCgroup, MonitorOptions } from '../monitor/launch.ts'
import type { RuntimeNetwork } from '../runtime/kinds.ts'
import type { Container } from '../state/containers.ts'
import type { Engine } from './engine.ts'
import { findMonitor } from './find-monitor.ts'

/** What the launch of a container and of an exec session share. */
export async function monitorOptions(engine: Engine, { id, name, record }: Container): Promise<Omit<MonitorOptions, 'log' | 'terminal' | 'stdin' | 'pidFile' | 'monitorPidFile'>> {
  const runtime = await engine.runtime(record.runtime.path)
  const own = engine.paths.container(id)
  return {
    id, name,
    monitor: findMonitor(engine.config),
    runtime: runtime.path, explain: (text) => runtime.explain(text, id),
    runtimeArgs: runtime.globalArgs({ logFile: own.runtimeLog, network: runtimeNetwork(record.request) }),
    systemdCgroup: record.cgroupManager === 'systemd',
    persistDir: own.persist, exitDir: engine.paths.exits,
    cgroup: monitorCgroup(record, id),
    env: { PATH: engine.environment.path.join(':'), ...Object.fromEntries(engine.config.engine.conmonEnv) },
  }
}

/** gVisor brings its own network stack and must be told. */
export const runtimeNetwork = ({ network }: Container['record']['request']): RuntimeNetwork =>
  (network.kind === 'host' || network.kind === 'none' ? network.kind : network.kind === 'path' || network.kind === 'container' ? 'shared' : 'namespace')

/** The monitor leaves its caller's cgroup, so that neither a log-out nor a restart of a service ends it. */
export function monitorCgroup({ request, cgroupManager }: Pick<Container['record'], 'request' | 'cgroupManager'>, id: string): MonitorCgroup {
  if (request.cgroups === 'no-conmon') return { manager: 'none' }
  return cgroupManager === 'systemd'
    ? { manager: 'systemd', unit: `scow-conmon-${id}.scope`, slice: 'machine.slice' }
    : { manager: 'cgroupfs', path: 'scow/conmon' }
}
