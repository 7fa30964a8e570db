// One run of one plugin (CNI specification, section 2 to 4): environment, standard streams, errors, retries.
import { accessSync, constants } from 'node:fs'
import { basename, delimiter, join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import * as v from 'valibot'

import { Failure, type ErrorKind } from '../errors.ts'
import { log } from '../log.ts'
import { runProgram } from '../process/run-program.ts'
import type { Attachment, CniCommand } from './cni-types.ts'

/** Where plugins are and how they run. */
export interface PluginHost {
  readonly pluginDirs: readonly string[]
  readonly env: Readonly<Record<string, string | undefined>>
  readonly timeoutMs: number
}

export interface PluginRun {
  readonly command: CniCommand
  readonly type: string
  /** Written to standard input as JSON. */
  readonly config: Readonly<Record<string, unknown>>
  readonly attachment?: Attachment
  readonly signal?: AbortSignal
}

/** A plugin's own error: `code` is the specification's (section 5), 0 when it gave none. */
export class PluginFailure extends Failure {
  readonly code: number
  constructor({ type: plugin, command, config }: PluginRun, answer: { readonly code: number; readonly msg: string; readonly details?: string }) {
    const { code, msg, details } = answer
    const text = [msg, details].filter(Boolean).join(': ').trim() || 'no reason given'
    const hint = config['vlan'] !== undefined && NOT_SUPPORTED.test(text) ? NO_VLANS : hintFor(plugin, text, code)
    super(kindOf(text, code), `CNI plugin ${plugin} failed on ${command} (code ${code}): ${text}`, hint ? { hint } : {})
    this.code = code
  }
}

const TRY_AGAIN = 11

/** As host-local says it, with the code that Go's plugins give every error of theirs. */
const kindOf = (text: string, code: number): ErrorKind =>
  code === TRY_AGAIN ? 'unavailable' : /no IP addresses available|requested IP address \S+ is not available/.test(text) ? 'inUse' : 'wrongState'

/**
 * iptables, when another program has made the same chain meanwhile. Only plugins that share chains meet that (portmap,
 * firewall), and these begin anew with what is theirs.
 */
const lostRace = ({ message }: PluginFailure): boolean => /CHAIN(_USER)?_ADD failed \(File exists\)/.test(message)

const ATTEMPTS = 4
/** portmap calls iptables several times for each port. */
const PORT_MS = 200

const portsOf = ({ runtimeConfig }: PluginRun['config']): number => {
  const { portMappings } = (runtimeConfig ?? {}) as { portMappings?: unknown }
  return Array.isArray(portMappings) ? portMappings.length : 0
}
const MAX_OUTPUT_BYTES = 4 << 20

/** The answer, `undefined` when the plugin wrote none. Throws Failure; an error object of the plugin is a PluginFailure. */
export const runPlugin = async (host: PluginHost, run: PluginRun): Promise<unknown> => {
  const file = findPlugin(host.pluginDirs, run.type)
  const timeoutMs = host.timeoutMs + PORT_MS * portsOf(run.config)
  const deadline = Date.now() + timeoutMs
  for (let attempt = 1; ; attempt += 1) {
    try {
      return await runOnce(file, { ...host, timeoutMs }, run)
    } catch (error) {
      const pauseMs = 50 * 2 ** attempt
      const again = (error instanceof PluginFailure && (error.code === TRY_AGAIN || lostRace(error))) || isTextBusy(error)
      if (!again || attempt === ATTEMPTS || Date.now() + pauseMs > deadline) throw error
      log.debug(`CNI plugin ${run.type} asked to be tried again: ${String(error)}`)
      await sleep(pauseMs, undefined, run.signal ? { signal: run.signal } : {})
    }
  }
}

/** Path of the plugin's program. Throws Failure `unsupported` that says where it was looked for. */
export const findPlugin = (dirs: readonly string[], type: string): string => {
  const found = type === basename(type) && type !== '..' ? dirs.map((dir) => join(dir, type)).find(isExecutable) : undefined
  if (found) return found
  throw new Failure('unsupported', `CNI plugin ${JSON.stringify(type)} is not installed: looked in ${dirs.join(', ') || 'no directory'}`, {
    hint: 'apt install containernetworking-plugins, or name its directory in cni_plugin_dirs of containers.conf',
  })
}

const isExecutable = (file: string): boolean => {
  try {
    accessSync(file, constants.X_OK)
    return true
  } catch {
    return false
  }
}

const runOnce = async (file: string, host: PluginHost, run: PluginRun): Promise<unknown> => {
  const { code, signal, stdout, stderr } = await runProgram(file, [], {
    input: JSON.stringify(run.config),
    env: environment(host, run),
    cwd: '/',
    timeoutMs: host.timeoutMs,
    maxOutputBytes: MAX_OUTPUT_BYTES,
    ...(run.signal ? { signal: run.signal } : {}),
  })
  const [out, err] = [String(stdout), String(stderr)]
  if (code !== 0) throw new PluginFailure(run, errorIn(out, err, signal ? `killed by ${signal}` : `exit code ${code}`))
  if (err.trim()) log.debug(`CNI plugin ${run.type} ${run.command}: ${err.trim()}`)
  return out.trim() === '' ? undefined : parseJson(out, run.type)
}

const environment = (host: PluginHost, { command, attachment }: PluginRun): Record<string, string> => ({
  ...Object.fromEntries(Object.entries(host.env).filter((entry): entry is [string, string] => entry[1] !== undefined)),
  CNI_COMMAND: command,
  CNI_PATH: host.pluginDirs.join(delimiter),
  CNI_CONTAINERID: attachment?.containerId ?? '',
  CNI_NETNS: attachment?.netns ?? '',
  CNI_IFNAME: attachment?.ifName ?? '',
  CNI_ARGS: (attachment?.args ?? []).map(([key, value]) => `${key}=${value}`).join(';'),
})

const parseJson = (text: string, plugin: string): unknown => {
  try {
    return JSON.parse(text)
  } catch {
    throw new Failure('unavailable', `CNI plugin ${plugin} answered with something else than JSON: ${oneLine(text)}`)
  }
}

const errorSchema = v.object({ code: v.optional(v.number(), 0), msg: v.optional(v.string(), ''), details: v.optional(v.string()) })

/** A plugin that dies without an error object is known by what it wrote to standard error. */
const errorIn = (out: string, err: string, how: string) => {
  try {
    const { code, msg, details } = v.parse(errorSchema, JSON.parse(out))
    return { code, msg: oneLine(msg), ...(details ? { details: oneLine(details) } : {}) }
  } catch {
    return { code: 0, msg: `${how}: ${oneLine(`${err} ${out}`) || 'without a word'}` }
  }
}

const oneLine = (text: string): string => text.replace(/\s+/g, ' ').trim().slice(0, 1000)

/** A plugin that is just being installed. */
const isTextBusy = (error: unknown): boolean => ((error as Error).cause as NodeJS.ErrnoException | undefined)?.code === 'ETXTBSY'

const INCOMPATIBLE_VERSION = 1

const NOT_SUPPORTED = /failed to create .*operation not supported/i
/** Bridges are what nearly every kernel has, so that the rest of what was asked for is missing. */
const NO_VLANS = 'this kernel has bridges without VLAN filtering (CONFIG_BRIDGE_VLAN_FILTERING): make the network without the option vlan'

const hintFor = (plugin: string, text: string, code: number): string | undefined => {
  if (/failed to (locate|find) ip6?tables|ip6?tables.*(executable file not found|not usable)|neither iptables nor ip6tables/i.test(text)) {
    return 'apt install iptables'
  }
  if (/failed to find plugin/i.test(text)) return 'apt install containernetworking-plugins'
  if (NOT_SUPPORTED.test(text)) return `this kernel has no ${plugin} interfaces: modprobe ${plugin}, or choose another driver`
  if (/dnsmasq.*not found/i.test(text)) return 'apt install dnsmasq-base, or create the network with --disable-dns'
  return code === INCOMPATIBLE_VERSION ? 'the plugin does not speak the cniVersion of this network: change it, or install newer plugins' : undefined
}
