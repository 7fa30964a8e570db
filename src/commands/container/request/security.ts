// --security-opt, --cap-add, --cap-drop, --device.
import { posix } from 'node:path'
import { capabilityName } from '../../../capabilities.ts'
import type { DeviceRequest, SecurityRequest } from '../../../spec/request.ts'
import type { CreateValues } from '../options/create-options.ts'
import { defined } from './resources.ts'
import { invalid, readSwitch } from './words.ts'

type Draft<T> = { -readonly [K in keyof T]: T[K] }

/** @throws Failure invalid */
export function toSecurity(values: CreateValues, { cwd }: { cwd: string }): SecurityRequest {
  const security: Draft<SecurityRequest> = defined({
    privileged: values.privileged || undefined,
    capAdd: values.capAdd.length ? values.capAdd.map((name) => checkCapability('--cap-add', name)) : undefined,
    capDrop: values.capDrop.length ? values.capDrop.map((name) => checkCapability('--cap-drop', name)) : undefined,
  })
  for (const text of values.securityOpt) securityOption(security, text, cwd)
  return security
}

function securityOption(security: Draft<SecurityRequest>, text: string, cwd: string): void {
  const separator = /[=:]/.exec(text)?.index ?? text.length
  const [name, value] = [text.slice(0, separator), text.slice(separator + 1)]
  const wrong = (why: string) => invalid('--security-opt', text, why)
  if (name !== 'no-new-privileges' && value === '') throw wrong('expected NAME=VALUE')
  switch (name) {
    case 'no-new-privileges': security.noNewPrivileges = readSwitch(value, () => wrong('expected true or false')); return
    case 'seccomp': security.seccomp = value === 'unconfined' ? 'unconfined' : { path: posix.resolve(cwd, value) }; return
    case 'apparmor': security.apparmor = value; return
    case 'label':
      if (!/^(disable|nested|(user|role|type|level|filetype):.+)$/.test(value)) throw wrong('label takes disable, nested, user:, role:, type:, level: or filetype:')
      security.selinux = [...(security.selinux ?? []), value]
      return
    case 'mask': security.maskPaths = [...(security.maskPaths ?? []), ...value.split(':')]; return
    case 'unmask': security.unmaskPaths = [...(security.unmaskPaths ?? []), ...value.split(':')]; return
    case 'systempaths': // docker's
      if (value !== 'unconfined') throw wrong('systempaths takes unconfined alone')
      security.unmaskPaths = [...(security.unmaskPaths ?? []), 'ALL']
      return
    case 'proc-opts': security.procOpts = value.split(','); return
    default: throw wrong(`unknown option "${name}": use no-new-privileges, seccomp, apparmor, label, mask, unmask or proc-opts`)
  }
}

function checkCapability(flag: string, text: string): string {
  const name = capabilityName(text)
  if (name === undefined) throw invalid(flag, text, 'there is no such capability')
  return name === 'ALL' ? name : `CAP_${name}`
}

/** `/dev/x[:/dev/y][:rwm]`, or a CDI name. @throws Failure invalid */
export function parseDevice(text: string): DeviceRequest {
  if (/^[^/:=]+\/[^/=]+=[^/]+$/.test(text)) return { source: text }
  const wrong = (why: string) => invalid('--device', text, why)
  const [source, second, third, ...more] = text.split(':')
  if (!source || !source.startsWith('/') || more.length) throw wrong('expected /dev/PATH[:/dev/PATH][:rwm] or vendor.com/class=name')
  const isMode = (part: string): boolean => /^[rwm]{1,3}$/.test(part)
  if (second === undefined) return { source }
  if (third === undefined && isMode(second)) return { source, permissions: second }
  if (!second.startsWith('/')) throw wrong(`"${second}" is neither an absolute path nor permissions (r, w, m)`)
  if (third !== undefined && !isMode(third)) throw wrong(`permissions "${third}" may hold r, w and m only`)
  return { source, target: second, ...(third === undefined ? {} : { permissions: third }) }
}

/** `all`, or a device's name of nvidia-ctk's CDI specification: its number or UUID; `device=` before it as with docker. */
export function parseGpu(text: string): DeviceRequest {
  const name = text.replace(/^device=/, '')
  if (!/^[A-Za-z0-9][A-Za-z0-9_.:-]*$/.test(name)) throw invalid('--gpus', text, 'expected all, or a GPU\'s name such as 0')
  return { source: `nvidia.com/gpu=${name}` }
}
