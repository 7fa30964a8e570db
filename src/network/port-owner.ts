// Who holds a port, for error messages: /proc/net says which socket, /proc/PID/fd which process.
import { readFileSync, readdirSync, readlinkSync } from 'node:fs'

import type { PortRequest } from '../spec/request.ts'

/** `nginx (pid 812)`; absent when no process of this pid namespace has it, or for SCTP. */
export const portOwner = (port: number, protocol: PortRequest['protocol']): string | undefined => {
  const inodes = socketInodes(port, protocol)
  if (inodes.size === 0) return undefined
  const pid = names('/proc').filter((name) => /^\d+$/.test(name)).find((candidate) => holdsOne(candidate, inodes))
  return pid === undefined ? undefined : `${read(`/proc/${pid}/comm`).trim()} (pid ${pid})`
}

/** Local ports of SCTP endpoints; empty where the module isn't loaded. */
export const sctpPorts = (): Set<number> =>
  new Set(read('/proc/net/sctp/eps').split('\n').slice(1).map((line) => Number(line.trim().split(/\s+/)[5])).filter(Number.isInteger))

const TCP_LISTEN = '0A'

const socketInodes = (port: number, protocol: PortRequest['protocol']): Set<string> => {
  const suffix = `:${port.toString(16).toUpperCase().padStart(4, '0')}`
  const tables = protocol === 'sctp' ? [] : [`/proc/net/${protocol}`, `/proc/net/${protocol}6`]
  return new Set(tables.flatMap((table) => read(table).split('\n').slice(1)).flatMap((line) => {
    const fields = line.trim().split(/\s+/)
    const isOurs = fields[1]?.endsWith(suffix) && (protocol === 'udp' || fields[3] === TCP_LISTEN)
    return isOurs && fields[9] ? [`socket:[${fields[9]}]`] : []
  }))
}

const holdsOne = (pid: string, inodes: ReadonlySet<string>): boolean =>
  names(`/proc/${pid}/fd`).some((fd) => {
    try {
      return inodes.has(readlinkSync(`/proc/${pid}/fd/${fd}`))
    } catch {
      return false
    }
  })

const read = (file: string): string => {
  try {
    return readFileSync(file, 'utf8')
  } catch {
    return ''
  }
}

const names = (dir: string): string[] => {
  try {
    return readdirSync(dir)
  } catch {
    return []
  }
}
