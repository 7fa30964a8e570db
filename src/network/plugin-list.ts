// The operations on a whole list of plugins (CNI specification, section 3).
import { Failure } from '../errors.ts'
import { log } from '../log.ts'
import type { Attachment, CniCommand, NetworkList, PluginConfig } from './cni-types.ts'
import { PluginFailure, runPlugin } from './run-plugin.ts'
import type { PluginHost } from './run-plugin.ts'
import { atLeast } from './versions.ts'

/** A list bound to its attachment. */
export interface ListRun {
  readonly list: NetworkList
  readonly attachment: Attachment
  readonly signal?: AbortSignal
}

/** ADD in order, each plugin seeing the result of the one before. Returns the last one's raw result; undoes nothing. */
export const addList = async (host: PluginHost, { list, attachment, signal }: ListRun): Promise<unknown> => {
  let result: unknown
  for (const plugin of list.plugins) {
    const config = configOf(list, plugin, { runtimeConfig: argsFor(plugin, attachment), prevResult: result })
    result = await runPlugin(host, { command: 'ADD', type: plugin.type, config, attachment, ...(signal ? { signal } : {}) })
    if (result === undefined) throw new Failure('unavailable', `CNI plugin ${plugin.type} answered ADD with nothing`)
  }
  return result
}

/**
 * DEL in reverse order with the final result of ADD where the version has it. Every plugin is run even when one
 * fails, so that one broken plugin strands nothing of the others; the first error is thrown at the end.
 */
export const delList = async (host: PluginHost, { list, attachment }: ListRun, result: unknown): Promise<void> => {
  const prevResult = atLeast(list.cniVersion, '0.4.0') ? result : undefined
  const errors: unknown[] = []
  for (const plugin of list.plugins.toReversed()) {
    const config = configOf(list, plugin, { runtimeConfig: argsFor(plugin, attachment), prevResult })
    try {
      await runPlugin(host, { command: 'DEL', type: plugin.type, config, attachment })
    } catch (error) {
      if (errors.length > 0) log.debug(`network ${list.name}: ${String(error)}`)
      errors.push(error)
    }
  }
  if (errors.length > 0) throw errors[0]
}

/** CHECK in order; silently nothing where the list disables it. Throws `unsupported` for versions without it. */
export const checkList = async (host: PluginHost, { list, attachment }: ListRun, result: unknown): Promise<void> => {
  if (list.disableCheck) return
  if (!atLeast(list.cniVersion, '0.4.0')) {
    throw new Failure('unsupported', `network ${list.name} cannot be checked: CNI version ${list.cniVersion} has no CHECK`)
  }
  for (const plugin of list.plugins) {
    const config = configOf(list, plugin, { runtimeConfig: argsFor(plugin, attachment), prevResult: result })
    await runPlugin(host, { command: 'CHECK', type: plugin.type, config, attachment })
  }
}

/** STATUS of every plugin, since 1.1.0. Resolves to the first error, or to nothing. */
export const statusList = async (host: PluginHost, list: NetworkList): Promise<Failure | undefined> => {
  if (!atLeast(list.cniVersion, '1.1.0')) return undefined
  return await runAll(host, list, { command: 'STATUS', extra: {} })
}

export const hasGc = ({ disableGC, cniVersion }: NetworkList): boolean => !disableGC && atLeast(cniVersion, '1.1.0')

/** GC of every plugin of a list that `hasGc`; `valid` are all attachments of this network that live. Throws the first error at the end. */
export const gcList = async (host: PluginHost, list: NetworkList, valid: readonly { readonly containerID: string; readonly ifname: string }[]): Promise<void> => {
  const failure = await runAll(host, list, { command: 'GC', extra: { 'cni.dev/valid-attachments': valid, 'cni.dev/attachments': valid } })
  if (failure) throw failure
}

const INVALID_ENVIRONMENT = 4

const runAll = async (host: PluginHost, list: NetworkList, run: { command: CniCommand; extra: Record<string, unknown> }): Promise<Failure | undefined> => {
  const failures: Failure[] = []
  for (const plugin of list.plugins) {
    try {
      await runPlugin(host, { command: run.command, type: plugin.type, config: configOf(list, plugin, run.extra) })
    } catch (error) {
      if (!(error instanceof Failure)) throw error
      // A plugin from before 1.1 calls the command an invalid environment.
      if (!(error instanceof PluginFailure && error.code === INVALID_ENVIRONMENT)) failures.push(error)
    }
  }
  return failures[0]
}

/** Section 3, "Deriving request configuration": capabilities are left out, the runtime's keys come in. */
const configOf = (list: NetworkList, plugin: PluginConfig, extra: Record<string, unknown>): Record<string, unknown> => {
  const { capabilities: _, ...own } = plugin
  return { ...own, ...extra, name: list.name, cniVersion: list.cniVersion }
}

const argsFor = ({ capabilities = {} }: PluginConfig, { capabilityArgs }: Attachment): Record<string, unknown> | undefined => {
  const wanted = Object.entries(capabilityArgs).filter(([name]) => capabilities[name] === true)
  return wanted.length > 0 ? Object.fromEntries(wanted) : undefined
}
