// What run, runp and create will send, from files or from flags, and how it is shown.
import { existsSync, statSync } from 'node:fs'
import type { Output } from '../../cli/output.ts'
import type { Connection } from '../../cri/client/connection.ts'
import type { ContainerConfig, PodSandboxConfig } from '../../cri/wire/generated/runtime-v1.ts'
import { isCrictl, type CriCall } from './command.ts'

/** Files: always under the name crictl; else only for exactly so many arguments that are all files that exist. */
export const areFiles = (call: Pick<CriCall, 'globals'>, words: readonly string[], count: number): boolean =>
  isCrictl(call) || (words.length === count && words.every((word) => word === '-' || (existsSync(word) && statSync(word).isFile())))

/** Each message as `{ rpc, request }`, a JSON array. */
export async function showPlan(out: Output, messages: readonly { readonly rpc: string; readonly request: object }[]): Promise<void> {
  const { toJson } = await import('../../cri/client/protojson.ts')
  out.line(JSON.stringify(messages.map(({ rpc, request }) => ({ rpc, request: toJson(request) })), null, 2))
}

/** The configuration that a pod was made from, as far as the runtime tells it. */
export async function podConfigOf(runtime: Connection, podSandboxId: string): Promise<PodSandboxConfig> {
  const [{ RuntimeServiceService: Runtime, PodSandboxConfig: Config, PodSandboxStatusRequest }, { fromPlain }] = await Promise.all([import('../../cri/wire/generated/runtime-v1.ts'), import('../../cri/client/message-files.ts')])
  const { status, info } = await runtime.call(Runtime.podSandboxStatus, PodSandboxStatusRequest.fromPartial({ podSandboxId, verbose: true }))
  const told = configIn(info)
  if (told) return fromPlain(Config, told, `configuration of pod ${podSandboxId}`)
  return Config.fromPartial({
    ...(status?.metadata ? { metadata: status.metadata, logDirectory: (await import('../../cri/client/log-folder.ts')).podLogFolder(status.metadata) } : {}), labels: status?.labels ?? {}, annotations: status?.annotations ?? {},
    linux: { securityContext: { ...(status?.linux?.namespaces?.options ? { namespaceOptions: status.linux.namespaces.options } : {}) } },
  })
}

function configIn(info: Readonly<Record<string, string>>): object | undefined {
  try {
    const { config } = JSON.parse(info['info'] ?? '{}') as { config?: unknown }
    return typeof config === 'object' && config !== null ? config : undefined
  } catch {
    return undefined
  }
}

export interface Described { readonly pod: PodSandboxConfig; readonly container: ContainerConfig }
