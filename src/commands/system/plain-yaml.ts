// Writes plain data as YAML. Our own values only: no anchors, no tags, nothing to read back.

type Plain = string | number | boolean | null | readonly Plain[] | { readonly [key: string]: Plain }

export const toYaml = (value: unknown): string => `${block(value as Plain, 0).replace(/^\n/, '')}\n`

function block(value: Plain, depth: number): string {
  const pad = '  '.repeat(depth)
  if (Array.isArray(value)) return value.length === 0 ? ' []' : value.map((item: Plain) => `\n${'  '.repeat(Math.max(0, depth - 1))}-${inner(item, depth)}`).join('')
  if (typeof value === 'object' && value !== null) {
    const entries = Object.entries(value as { readonly [key: string]: Plain })
    return entries.length === 0 ? ' {}' : entries.map(([key, item]) => `\n${pad}${scalar(key)}:${block(item, depth + 1)}`).join('')
  }
  return ` ${scalar(value as string | number | boolean | null)}`
}

const inner = (item: Plain, depth: number): string => block(item, depth).replace(/^\n\s*/, ' ')

const scalar = (value: string | number | boolean | null): string => {
  if (typeof value !== 'string') return String(value)
  const isPlain = /^[A-Za-z_/][\w ./+,()@-]*$/.test(value) && !/^(true|false|null|yes|no|on|off|y|n)$/i.test(value) && !value.endsWith(' ')
  return isPlain ? value : JSON.stringify(value)
}
