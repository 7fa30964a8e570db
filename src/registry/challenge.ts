// WWW-Authenticate (RFC 9110 section 11.6.1, and the distribution project's token specification).

export interface Challenge {
  /** Lower case: basic, bearer, ... */
  readonly scheme: string
  /** Keys in lower case. */
  readonly params: Readonly<Record<string, string>>
}

const TOKEN = /[!#$%&'*+\-.^_`|~0-9A-Za-z]+/y
const PARAM = /([!#$%&'*+\-.^_`|~0-9A-Za-z]+)[ \t]*=[ \t]*(?:"((?:[^"\\]|\\.)*)"|([^\s",]+))/y
const GAP = /[ \t,]*/y

const take = (pattern: RegExp, text: string, at: number): RegExpExecArray | null => {
  pattern.lastIndex = at
  return pattern.exec(text)
}

/** Reads every challenge of a header; stops quietly at what it can't read. */
export function parseChallenges(header: string): Challenge[] {
  const text = header.slice(0, 8192)
  const found: { scheme: string; params: Record<string, string> }[] = []
  let at = 0
  while (at < text.length) {
    at += take(GAP, text, at)?.[0].length ?? 0
    const param = take(PARAM, text, at)
    const current = found.at(-1)
    if (param && current) {
      current.params[param[1]!.toLowerCase()] = param[2]?.replace(/\\(.)/g, '$1') ?? param[3] ?? ''
      at += param[0].length
      continue
    }
    const scheme = take(TOKEN, text, at)
    if (!scheme) break
    found.push({ scheme: scheme[0].toLowerCase(), params: {} })
    at += scheme[0].length
  }
  return found
}

/** The challenge to answer: a bearer token where it is offered, else basic. */
export const preferredChallenge = (challenges: readonly Challenge[]): Challenge | undefined =>
  challenges.find(({ scheme, params }) => scheme === 'bearer' && params['realm']) ?? challenges.find(({ scheme }) => scheme === 'basic')
