import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { Failure } from '../errors.ts'
import { removeFiles } from '../fs/remove-tree.ts'
import type { ExecResult } from '../runtime/exec-process.ts'
import type { OciProcess, OciSpec } from '../spec/oci-spec.ts'
import { specText } from '../spec/spec-text.ts'
import type { Engine } from './engine.ts'
import { buildExecProcess } from './exec-process.ts'
import { probeFiles } from './exec-sessions.ts'
import { findContainer, runningProcess } from './find-container.ts'
import { randomId } from './random-name.ts'

export interface ExecInPodContainer {
  readonly command: readonly string[]
  /** Of each stream; the rest is dropped. */
  readonly maxOutputBytes: number
  /** Absent: for as long as it takes. */
  readonly timeoutMs?: number
  readonly signal?: AbortSignal
}

/** The longest that a timer can wait, less what the runtime's own deadline adds. */
const LONGEST_MS = 2 ** 31 - 60_000

/** A process without a monitor, for probes: its output comes whole. @throws timeout, after it was killed and reaped; commandNotFound */
export async function execInPodContainer(engine: Engine, id: string, { command, maxOutputBytes, timeoutMs = LONGEST_MS, signal }: ExecInPodContainer): Promise<ExecResult> {
  const container = await findContainer(engine, id)
  runningProcess(engine, container, 'cannot exec: ')
  const { dir, processFile, pidFile, ownerFile } = probeFiles(join(engine.paths.container(id).exec, randomId()))
  mkdirSync(dir, { recursive: true, mode: 0o700 })
  try {
    writeFileSync(ownerFile, JSON.stringify(engine.self), { mode: 0o600 })
    writeFileSync(processFile, specText(await buildExecProcess(engine, container, { command })), { mode: 0o600 })
    const runtime = await engine.runtime(container.record.runtime.path)
    return await runtime.exec(id, { processFile, pidFile, maxOutputBytes, timeoutMs: Math.min(timeoutMs, LONGEST_MS), signal })
  } finally {
    removeFiles(dir)
  }
}

/** Of the container's first process, as the start settled it; undefined before the first start and after the run was given back. */
export function processUser({ paths }: Pick<Engine, 'paths'>, id: string): OciProcess['user'] | undefined {
  try {
    return (JSON.parse(readFileSync(paths.container(id).config, 'utf8')) as OciSpec).process.user
  } catch (error) {
    if (['ENOENT', 'ENOTDIR'].includes((error as NodeJS.ErrnoException).code ?? '')) return undefined
    throw new Failure('unavailable', `the bundle of container ${id.slice(0, 12)} is damaged`, { cause: error })
  }
}
