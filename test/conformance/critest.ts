// The standard conformance suite of CRI servers, where the machine has it.
import { execFile, spawnSync } from 'node:child_process'
import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { promisify } from 'node:util'

export interface Spec { readonly name: string; readonly state: string; readonly message: string }

/** Where `program` is on the PATH. */
export const findProgram = (program: string): string | undefined =>
  (process.env['PATH'] ?? '').split(':').map((dir) => join(dir, program)).find((file) => existsSync(file))

/** Whether the suite has its modes of WebSocket; 1.26 has none. */
export const knowsWebSocket = (critest: string): boolean => spawnSync(critest, ['-help'], { encoding: 'utf8' }).stderr.includes('websocket-exec')

const LIMIT_MS = 9 * 60_000

interface Asked { readonly critest: string; readonly socket: string; readonly dir: string; readonly args?: readonly string[] }

/** Runs the suite, or the part that `args` choose: every spec that was chosen, in order. */
export async function runCritest({ critest, socket, dir, args = [] }: Asked): Promise<Spec[]> {
  const report = join(dir, 'critest.json')
  const run = promisify(execFile)(critest, [`-runtime-endpoint=unix://${socket}`, '-ginkgo.no-color', '-ginkgo.seed=1', `-ginkgo.json-report=${report}`, ...args], { timeout: LIMIT_MS, maxBuffer: 1 << 26 })
  const end = await run.then(() => '', (error: Error & { stdout?: string }) => `${error.message}\n${(error.stdout ?? '').slice(-4000)}`)
  if (!existsSync(report)) throw new Error(`critest made no report: ${end}`)
  const [suite] = JSON.parse(readFileSync(report, 'utf8')) as [{ SpecReports: SpecReport[] }]
  return suite.SpecReports.filter(wasChosen).map(({ State, ContainerHierarchyTexts, LeafNodeText, Failure }) =>
    ({ state: State, name: [...(ContainerHierarchyTexts ?? []), LeafNodeText].join(' '), message: Failure?.Message ?? '' }))
}

interface SpecReport {
  readonly State: string
  readonly LeafNodeType: string
  readonly LeafNodeText: string
  readonly ContainerHierarchyTexts?: readonly string[]
  readonly NumAttempts: number
  readonly Failure?: { readonly Message: string }
}

/** Specs that the arguments leave out are called skipped too, but say nothing. */
const wasChosen = ({ LeafNodeType, State, Failure, NumAttempts }: SpecReport): boolean => LeafNodeType === 'It' && (State !== 'skipped' || NumAttempts > 0 || Boolean(Failure?.Message))
