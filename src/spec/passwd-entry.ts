import type { ResolvedUser } from './users.ts'

/** Fits /etc/passwd: no field separators in what a template or an annotation brings. */
const field = (text: string): string => text.replace(/[:\n]/g, '')

export interface PasswdAddition {
  readonly user: ResolvedUser
  readonly passwd: string | undefined
  /** `$USERNAME`, `$UID`, `$GID`, `$NAME` and `$HOME` are replaced. */
  readonly template?: string | undefined
  /** Home directory of the new entry. */
  readonly workdir: string
}

/** The text of /etc/passwd with a line for the user, or undefined when it has one. */
export function passwdWithUser({ user, passwd = '', template, workdir }: PasswdAddition): string | undefined {
  if (user.name !== undefined || user.uid === 0) return undefined
  const values: Record<string, string> = { USERNAME: String(user.uid), UID: String(user.uid), GID: String(user.gid), NAME: 'container user', HOME: field(workdir) || '/' }
  const line = (template ?? '$USERNAME:*:$UID:$GID:$NAME:$HOME:/bin/sh').replace(/\$(USERNAME|UID|GID|NAME|HOME)\b/g, (_, name: string) => values[name]!)
  return appended(passwd, line)
}

export interface GroupAddition {
  readonly user: ResolvedUser
  readonly group: string | undefined
  /** `$GROUPNAME`, `$GID` and `$USERLIST` are replaced. */
  readonly template?: string | undefined
}

/** The text of /etc/group with a line for the user's group, or undefined when it has one. */
export function groupWithUser({ user, group = '', template }: GroupAddition): string | undefined {
  if (user.gid === 0 || group.split('\n').some((line) => line.split(':')[2] === String(user.gid))) return undefined
  const values: Record<string, string> = { GROUPNAME: String(user.gid), GID: String(user.gid), USERLIST: user.name ?? String(user.uid) }
  return appended(group, (template ?? '$GROUPNAME:x:$GID:$USERLIST').replace(/\$(GROUPNAME|GID|USERLIST)\b/g, (_, name: string) => values[name]!))
}

const appended = (text: string, line: string): string => `${text}${text === '' || text.endsWith('\n') ? '' : '\n'}${line}\n`
