// Answers of plugins: every version's shape is brought into the one of CNI 1.0 (specification, section 5).
import * as v from 'valibot'

import { Failure } from '../errors.ts'
import type { CniResult } from './cni-types.ts'

const MAX_ENTRIES = 4096
const text = v.pipe(v.string(), v.maxLength(4096))
const maybe = <T extends v.GenericSchema>(schema: T) => v.nullish(schema)
const list = <T extends v.GenericSchema>(schema: T) => v.pipe(v.array(schema), v.maxLength(MAX_ENTRIES))

const routeSchema = v.object({ dst: text, gw: maybe(text) })
const dnsSchema = v.object({ nameservers: maybe(list(text)), domain: maybe(text), search: maybe(list(text)), options: maybe(list(text)) })
const oldAddressSchema = v.object({ ip: text, gateway: maybe(text), routes: maybe(list(routeSchema)) })

const resultSchema = v.object({
  cniVersion: maybe(text),
  interfaces: maybe(list(v.object({ name: text, mac: maybe(text), mtu: maybe(v.number()), sandbox: maybe(text) }))),
  ips: maybe(list(v.object({ address: text, gateway: maybe(text), interface: maybe(v.number()) }))),
  routes: maybe(list(routeSchema)),
  dns: maybe(dnsSchema),
  ip4: maybe(oldAddressSchema),
  ip6: maybe(oldAddressSchema),
})

/** Throws Failure `unavailable` that names the plugin when the answer is none of the known shapes. */
export const parseResult = (raw: unknown, plugin: string): CniResult => {
  const parsed = v.safeParse(resultSchema, raw)
  if (!parsed.success) {
    const issue = parsed.issues[0]
    throw new Failure('unavailable', `CNI plugin ${plugin} answered with an invalid result: ${v.getDotPath(issue) ?? 'result'}: ${issue.message}`)
  }
  return modern(parsed.output)
}

type RawResult = v.InferOutput<typeof resultSchema>

const modern = (raw: RawResult): CniResult => {
  const old = [raw.ip4, raw.ip6].filter((entry) => entry != null)
  return {
    interfaces: (raw.interfaces ?? []).map(({ name, mac, mtu, sandbox }) => ({
      name, ...(mac ? { mac } : {}), ...(mtu ? { mtu } : {}), ...(sandbox ? { sandbox } : {}),
    })),
    ips: [...(raw.ips ?? []), ...old.map(({ ip, gateway }) => ({ address: ip, gateway, interface: undefined }))].map(
      ({ address, gateway, interface: index }) => ({ address, ...(gateway ? { gateway } : {}), ...(index == null ? {} : { interface: index }) }),
    ),
    routes: [...(raw.routes ?? []), ...old.flatMap((entry) => entry.routes ?? [])].map(({ dst, gw }) => ({ dst, ...(gw ? { gw } : {}) })),
    dns: {
      nameservers: raw.dns?.nameservers ?? [], search: raw.dns?.search ?? [], options: raw.dns?.options ?? [],
      ...(raw.dns?.domain ? { domain: raw.dns.domain } : {}),
    },
  }
}
