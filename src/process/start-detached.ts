import { startChild } from './child.ts'

/** Starts `file` in a session of its own, in `/`, without standard streams, and leaves it to itself. Same failures as `startChild`. */
export const startDetached = (file: string, args: readonly string[], env?: Readonly<Record<string, string>>): { readonly pid: number } =>
  startChild(file, args, { env, fds: [-1, -1, -1], session: true, idle: true })
