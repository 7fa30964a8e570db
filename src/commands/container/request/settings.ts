// Namespaces, restart policy, log, entrypoint, signal, umask, platform, user.
import type { LogDriver, LogRequest, NamespaceMode, RestartPolicy } from '../../../spec/request.ts'
import { parseDecimalSize } from '../../../cli/value.ts'
import { Failure } from '../../../errors.ts'
import { log } from '../../../log.ts'
import { namespaceMode, namespaceModes } from '../../../namespace-mode.ts'
import { invalid } from './words.ts'

/** `flag` is --pid, --ipc, --uts or --cgroupns. @throws Failure invalid */
export function parseNamespace(flag: string, text: string): NamespaceMode {
  const ofIpc = flag === '--ipc'
  const mode = namespaceMode(text, ofIpc)
  if (!mode) throw invalid(flag, text, `expected ${namespaceModes(ofIpc)}`)
  return mode
}

/** @throws Failure invalid */
export function parseRestart(text: string | undefined): RestartPolicy {
  if (text === undefined || text === '' || text === 'no') return { name: 'no' }
  if (text === 'always' || text === 'unless-stopped') return { name: text }
  const match = /^on-failure(?::(\d{1,9}))?$/.exec(text)
  if (match) return { name: 'on-failure', maxRetries: Number(match[1] ?? 0) }
  throw invalid('--restart', text, 'expected no, always, unless-stopped or on-failure[:TIMES]')
}

const DRIVERS: readonly LogDriver[] = ['k8s-file', 'json-file', 'journald', 'passthrough', 'none']

/** What the flags leave open, and whether the container has a terminal. */
export interface LogDefaults { readonly terminal?: boolean; readonly driver: LogDriver; readonly sizeMaxBytes: number; readonly tag: string }

/** @throws Failure invalid */
export function toLog(driverText: string | undefined, texts: readonly string[], defaults: LogDefaults): LogRequest {
  const driver = !driverText ? defaults.driver : DRIVERS.find((known) => known === driverText)
  if (!driver) throw invalid('--log-driver', driverText!, `use one of ${DRIVERS.join(', ')}`)
  if (driver === 'passthrough' && defaults.terminal) throw invalid('--log-driver', driver, 'a container with a terminal (--tty) cannot have it')
  const request: { -readonly [K in keyof LogRequest]: LogRequest[K] } = { driver }
  if (defaults.sizeMaxBytes > 0) request.maxSizeBytes = defaults.sizeMaxBytes
  if (defaults.tag !== '') request.tag = defaults.tag
  for (const text of texts) logOption(request, text)
  return request
}

function logOption(request: { -readonly [K in keyof LogRequest]: LogRequest[K] }, text: string): void {
  const equals = text.indexOf('=')
  if (equals <= 0) throw invalid('--log-opt', text, 'expected NAME=VALUE')
  const [name, value] = [text.slice(0, equals), text.slice(equals + 1)]
  switch (name) {
    case 'path':
      if (!value.startsWith('/')) throw invalid('--log-opt', text, 'the path must be absolute')
      request.path = value
      return
    case 'max-size':
      try { request.maxSizeBytes = parseDecimalSize(value) } catch (error) { throw invalid('--log-opt', text, (error as Error).message) }
      return
    case 'max-file':
      if (!/^[1-9]\d{0,5}$/.test(value)) throw invalid('--log-opt', text, 'expected a number of files, 1 or more')
      request.maxFiles = Number(value)
      return
    case 'tag': request.tag = value; return
    default: log.warn(`--log-opt ${text} ignored: scow has path, max-size, max-file and tag`)
  }
}

/** A JSON array of words, or one word; the empty text removes the image's. @throws Failure invalid */
export function parseEntrypoint(text: string | undefined): readonly string[] | undefined {
  if (text === undefined) return undefined
  if (text === '') return []
  if (!text.startsWith('[')) return [text]
  try {
    const words: unknown = JSON.parse(text)
    if (Array.isArray(words) && words.every((word) => typeof word === 'string')) return words
  } catch { /* a program may be called [ */ }
  return [text]
}

/** @throws Failure invalid */
export function parseUmask(text: string | undefined): number | undefined {
  if (text === undefined) return undefined
  if (!/^[0-7]{1,4}$/.test(text)) throw invalid('--umask', text, 'expected an octal number such as 0022')
  return Number.parseInt(text, 8)
}

/** `os/arch[/variant]`, or its parts from flags of their own. @throws Failure invalid */
export function toPlatform({ platform, os, arch, variant }: { platform?: string | undefined; os?: string | undefined; arch?: string | undefined; variant?: string | undefined }): { os?: string; arch?: string; variant?: string } | undefined {
  if (platform !== undefined) {
    if (os !== undefined || arch !== undefined) throw invalid('--platform', platform, 'it cannot be combined with --os and --arch')
    const parts = platform.split('/')
    if (parts.length > 3 || parts.some((part) => !/^[a-z0-9_.]+$/i.test(part))) throw invalid('--platform', platform, 'expected OS/ARCH[/VARIANT]')
    const [first, second, third] = parts
    return parts.length === 1 ? { arch: first! } : { os: first!, arch: second!, ...(third === undefined ? {} : { variant: third }) }
  }
  if (os === undefined && arch === undefined && variant === undefined) return undefined
  return { ...(os === undefined ? {} : { os }), ...(arch === undefined ? {} : { arch }), ...(variant === undefined ? {} : { variant }) }
}

export type PullPolicy = 'always' | 'missing' | 'never' | 'newer'

/** @throws Failure invalid */
export function parsePullPolicy(text: string | undefined, initial: PullPolicy, flag = '--pull'): PullPolicy {
  if (text === undefined) return initial
  const aliases: Record<string, PullPolicy> = { always: 'always', true: 'always', missing: 'missing', ifnotpresent: 'missing', '': 'missing', never: 'never', false: 'never', newer: 'newer', ifnewer: 'newer' }
  const policy = aliases[text.toLowerCase()]
  if (!policy) throw invalid(flag, text, 'expected always, missing, never or newer')
  return policy
}

const CONTAINER_NAME = /^[a-zA-Z0-9][a-zA-Z0-9_.-]*$/

/** @throws Failure invalid */
export function checkName(name: string): string {
  if (!CONTAINER_NAME.test(name)) throw new Failure('invalid', `invalid name "${name}": names match [a-zA-Z0-9][a-zA-Z0-9_.-]*`)
  return name
}

/** @throws Failure invalid */
export function checkHostname(name: string): string {
  if (name.length > 64 || !/^[a-zA-Z0-9]([a-zA-Z0-9_.-]*[a-zA-Z0-9])?$/.test(name)) throw invalid('--hostname', name, 'expected letters, digits, dots and dashes, at most 64 characters')
  return name
}

/** @throws Failure unsupported, invalid */
export const cgroupsOf = (text: string): 'enabled' | 'no-conmon' | 'split' => {
  if (text === 'disabled') throw new Failure('unsupported', '--cgroups disabled: every runtime makes cgroups for its containers', { hint: 'use enabled, no-conmon or split' })
  return oneOfTexts('--cgroups', text, ['enabled', 'no-conmon', 'split'])!
}

export const oneOfTexts = <const V extends string>(flag: string, text: string | undefined, values: readonly V[]): V | undefined => {
  if (text === undefined) return undefined
  const found = values.find((value) => value === text)
  if (!found) throw invalid(flag, text, `expected ${values.join(', ')}`)
  return found
}
