// Users and groups by the image's own /etc/passwd and /etc/group (their texts come in as arguments).
import { Failure } from '../errors.ts'

const MAX_ID = 2 ** 31 - 1

/** The user of a container's process. */
export interface ResolvedUser {
  readonly uid: number
  readonly gid: number
  readonly additionalGids: readonly number[]
  /** Absent when the uid has no entry in /etc/passwd. */
  readonly name?: string
  /** `/` when the uid has no entry. */
  readonly home: string
}

export interface UserInputs {
  /** `user`, `user:group`, `uid`, `uid:gid`; empty or absent is root. */
  readonly user?: string | undefined
  /** Absent where the image has no such file. */
  readonly passwd?: string | undefined
  readonly group?: string | undefined
  /** Further groups, by name or number. */
  readonly groups?: readonly string[] | undefined
  /** `strict`: only `groups`, not those of /etc/group; `merge`: those too; absent: those too, unless `user` names a group. */
  readonly policy?: 'merge' | 'strict' | undefined
}

export function resolveUser({ user = '', passwd = '', group = '', groups = [], policy }: UserInputs): ResolvedUser {
  const [userPart = '', groupPart = ''] = splitOnce(user)
  const entry = findUser(userPart || '0', parsePasswd(passwd))
  const entries = parseGroup(group)
  const gid = groupPart ? findGroup(groupPart, entries) : entry.gid
  const listed = policy !== 'strict' && (!groupPart || policy === 'merge') && entry.name !== undefined
    ? entries.filter(({ members }) => members.includes(entry.name!)).map((each) => each.gid) : []
  const further = [...listed, ...groups.map((each) => findGroup(each, entries))]
  // The primary group is in the list too: without it a set-gid program could shed the group and pass a "deny group" mode.
  const all = [...new Set([gid, ...further])]
  return {
    uid: entry.uid,
    gid,
    additionalGids: entry.uid === 0 && gid === 0 && all.length === 1 ? [] : all,
    ...(entry.name !== undefined && { name: entry.name }),
    home: entry.home,
  }
}

/** Whether `user` names somebody that only the files of a root can tell. */
export const needsFiles = (user: string): boolean => !/^\d*(:\d*)?$/.test(user)

const splitOnce = (text: string): string[] => {
  const at = text.indexOf(':')
  return at < 0 ? [text] : [text.slice(0, at), text.slice(at + 1)]
}

interface PasswdEntry { readonly name?: string; readonly uid: number; readonly gid: number; readonly home: string }
interface GroupEntry { readonly name: string; readonly gid: number; readonly members: readonly string[] }

function findUser(wanted: string, entries: readonly PasswdEntry[]): PasswdEntry {
  const uid = parseId(wanted) // a number is one, whatever names the image has
  if (uid === undefined) {
    const byName = entries.find(({ name }) => name === wanted)
    if (byName) return byName
    // Images without /etc/passwd still may say USER root.
    if (wanted === 'root' && entries.length === 0) return { name: 'root', uid: 0, gid: 0, home: '/root' }
    throw new Failure('invalid', `unable to find user ${wanted}: no matching entries in passwd file`, { hint: 'give a numeric uid, or a user that is in the image' })
  }
  return entries.find((entry) => entry.uid === uid) ?? { uid, gid: 0, home: uid === 0 ? '/root' : '/' }
}

function findGroup(wanted: string, entries: readonly GroupEntry[]): number {
  const gid = parseId(wanted) ?? entries.find(({ name }) => name === wanted)?.gid
  if (gid !== undefined) return gid
  throw new Failure('invalid', `unable to find group ${wanted}: no matching entries in group file`, { hint: 'give a numeric gid, or a group that is in the image' })
}

function parseId(text: string): number | undefined {
  if (!/^\d+$/.test(text)) return undefined
  if (Number(text) <= MAX_ID) return Number(text)
  throw new Failure('invalid', `uid or gid ${text} is out of range: it must be 0 to ${MAX_ID}`)
}

const lines = (text: string): string[][] =>
  text.split('\n').map((line) => line.trim()).filter((line) => line && !line.startsWith('#')).map((line) => line.split(':'))

const fieldId = (text: string | undefined): number | undefined =>
  (text !== undefined && /^\d+$/.test(text) && Number(text) <= MAX_ID ? Number(text) : undefined)

const parsePasswd = (text: string): PasswdEntry[] => lines(text).flatMap(([name, , uidText, gidText, , home]) => {
  const uid = fieldId(uidText)
  return name && uid !== undefined ? [{ name, uid, gid: fieldId(gidText) ?? 0, home: home || '/' }] : []
})

const parseGroup = (text: string): GroupEntry[] => lines(text).flatMap(([name, , gidText, members]) => {
  const gid = fieldId(gidText)
  return name && gid !== undefined ? [{ name, gid, members: (members ?? '').split(',').filter(Boolean) }] : []
})
