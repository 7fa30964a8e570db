import { join } from 'node:path'
import type { Config } from '../config.ts'
import type { Paths } from '../paths.ts'
import { findRuntime, openRuntime, type Runtime } from '../runtime/runtime.ts'

/** @throws notFound with what to install */
export const makeRuntime = ({ config, paths, name }: { config: Config; paths: Paths; name: string }): Runtime => openRuntime({
  path: findRuntime(name, { runtimes: config.engine.runtimes, dirs: config.engine.runtimeDirs }),
  stateDir: join(paths.runRoot, 'runtime'),
  systemdCgroup: config.engine.cgroupManager === 'systemd',
})
