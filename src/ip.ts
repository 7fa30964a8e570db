// What an IP address looks like: as isIP of node:net, which brings sockets and streams with it, a tenth of a start's time.

const BYTE = '(?:25[0-5]|2[0-4]\\d|1\\d\\d|[1-9]?\\d)'
const IPV4 = new RegExp(`^${BYTE}(?:\\.${BYTE}){3}$`)
const ZONE = /%[\w.:-]+$/
const GROUPS = 8

export const isIPv4 = (text: string): boolean => IPV4.test(text)

/** With or without a zone (`fe80::1%eth0`). */
export function isIPv6(text: string): boolean {
  const [head = '', tail, ...more] = text.replace(ZONE, '').split('::')
  if (more.length > 0 || (tail === undefined && head === '')) return false
  const last = tail ?? head
  const groups = [...groupsOf(head), ...groupsOf(tail ?? '')]
  const dotted = last.includes('.')
  if (dotted && !isIPv4(groups.pop()!)) return false
  const count = groups.length + (dotted ? 2 : 0)
  return groups.every((group) => /^[\da-f]{1,4}$/i.test(group)) && (tail === undefined ? count === GROUPS : count < GROUPS)
}

const groupsOf = (text: string): string[] => (text === '' ? [] : text.split(':'))

/** 4, 6, or 0 for what is no IP address. */
export const isIP = (text: string): 0 | 4 | 6 => (isIPv4(text) ? 4 : isIPv6(text) ? 6 : 0)
