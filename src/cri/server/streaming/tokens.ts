import { randomBytes } from 'node:crypto'
import { STATUS } from '../grpc/status.ts'
import { RpcError } from '../rpc.ts'

const LIFE_MS = 60_000
const MAX_TOKENS = 1000

export interface Tokens<T> {
  /** @throws when too many wait to be used */
  issue(value: T): string
  /** What was asked for, once; undefined for an unknown, used or old token. */
  take(token: string): T | undefined
}

/** Names of requests that were granted and wait for the client's connection. */
export function makeTokens<T>(): Tokens<T> {
  const waiting = new Map<string, { readonly value: T; readonly until: number }>()
  const forgetOld = (): void => {
    for (const [token, { until }] of waiting) {
      if (until > Date.now()) return // oldest first
      waiting.delete(token)
    }
  }
  return {
    issue: (value) => {
      forgetOld()
      if (waiting.size >= MAX_TOKENS) throw new RpcError(STATUS.RESOURCE_EXHAUSTED, 'too many streaming requests wait for their connection')
      const token = randomBytes(6).toString('base64url')
      waiting.set(token, { value, until: Date.now() + LIFE_MS })
      return token
    },
    take: (token) => {
      forgetOld()
      const found = waiting.get(token)
      waiting.delete(token)
      return found?.value
    },
  }
}
