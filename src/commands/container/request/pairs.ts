// NAME=VALUE texts of every kind: environment, labels, annotations, sysctls, and the files that hold them.
import { readFileSync } from 'node:fs'
import { Failure, reasonOf } from '../../../errors.ts'
import type { Pairs } from '../../../spec/request.ts'

export type Environment = Readonly<Record<string, string | undefined>>

const split = (text: string): readonly [string, string] | undefined => {
  const equals = text.indexOf('=')
  return equals < 0 ? undefined : [text.slice(0, equals), text.slice(equals + 1)]
}

/** `NAME=VALUE`; `NAME` takes the value from here when set; `PREFIX*` all that begin so; an empty text is nothing. */
export const parseEnv = (texts: readonly string[], here: Environment, flag = '--env'): Pairs => texts.filter((text) => text !== '').flatMap((text) => {
  const pair = split(text)
  if (pair?.[0] === '') throw new Failure('invalid', `invalid value "${text}" for ${flag}: the name of a variable is missing`)
  if (pair) return [pair]
  if (text.endsWith('*')) return Object.entries(here).flatMap(([name, value]) => (name.startsWith(text.slice(0, -1)) && value !== undefined ? [[name, value] as const] : []))
  return here[text] === undefined ? [] : [[text, here[text]] as const]
})

const MAX_FILE_BYTES = 1024 * 1024

const lines = (file: string, flag: string): string[] => {
  let text: string
  try {
    text = readFileSync(file === '-' ? 0 : file, 'utf8')
  } catch (error) {
    throw new Failure('invalid', `cannot read ${JSON.stringify(file)} for ${flag}: ${reasonOf(error)}`, { cause: error })
  }
  if (text.length > MAX_FILE_BYTES) throw new Failure('invalid', `${file} for ${flag} is larger than 1 MiB`)
  return text.split(/\r?\n/)
}

/** One variable a line as for `parseEnv`; empty lines and those that begin with # are left out. */
export const readEnvFile = (file: string, here: Environment): Pairs =>
  parseEnv(lines(file, '--env-file').map((line) => line.trimStart()).filter((line) => line !== '' && !line.startsWith('#')), here, `--env-file ${file}`)

/** `KEY=VALUE`, or `KEY` for an empty value. */
export const parseLabels = (texts: readonly string[], flag = '--label'): Pairs => texts.map((text) => {
  const pair = split(text) ?? [text, '']
  if (pair[0] === '') throw new Failure('invalid', `invalid value "${text}" for ${flag}: the key is missing`)
  return pair
})

export function readLabelFile(file: string): Pairs {
  const labels = parseLabels(lines(file, '--label-file').map((line) => line.trimStart()).filter((line) => line !== '' && !line.startsWith('#')), `--label-file ${file}`)
  const spaced = labels.find(([key]) => /\s/.test(key))
  if (spaced) throw new Failure('invalid', `--label-file ${file}: the key "${spaced[0]}" has white space in it`)
  return labels
}

/** `KEY=VALUE` and nothing else. */
export const parseAssignments = (texts: readonly string[], flag: string): Pairs => texts.map((text) => {
  const pair = split(text)
  if (!pair || pair[0] === '') throw new Failure('invalid', `invalid value "${text}" for ${flag}: expected KEY=VALUE`)
  return pair
})

/** `PATH=${PATH}:/app`: changes what `base` has, each text after those before it; what has no value, or is not there, stays as it is. */
export function mergeEnv(texts: readonly string[], base: Pairs): Pairs {
  const known = new Map(base)
  const changed = new Set<string>()
  for (const text of texts) {
    const [name, value] = split(text) ?? []
    if (name === undefined || value === undefined || !known.has(name)) continue
    known.set(name, value.replace(/\$\{(\w+)\}|\$(\w+)/g, (_, braced: string, bare: string) => known.get(braced ?? bare) ?? ''))
    changed.add(name)
  }
  return [...changed].map((name) => [name, known.get(name)!])
}
