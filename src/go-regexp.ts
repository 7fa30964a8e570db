// Patterns as users of Go's tools write them (RE2), for the engine we have.

const CLASSES: Readonly<Record<string, string>> = {
  alnum: '0-9A-Za-z', alpha: 'A-Za-z', ascii: '\\x00-\\x7f', blank: '\\t ', cntrl: '\\x00-\\x1f\\x7f', digit: '0-9', graph: '!-~', lower: 'a-z',
  print: ' -~', punct: '!-\\/:-@\\[-`{-~', space: '\\t\\n\\v\\f\\r ', upper: 'A-Z', word: '0-9A-Za-z_', xdigit: '0-9A-Fa-f',
}
const [BEGIN, END] = ['(?<![\\s\\S])', '(?![\\s\\S])']
/** What differs: quoted text, the ends of a text, named groups, classes of POSIX; other escapes pass whole. */
const DIFFERENT = /\\Q([\s\S]*?)(?:\\E|$)|\\([\s\S])|\(\?P<|\[:(\w+):\]/g

/** Flags (`(?i)`) are known at the beginning and in groups of their own. @throws SyntaxError */
export function goRegExp(pattern: string): RegExp {
  const [head = '', flags = ''] = /^\(\?([ims]+)\)/.exec(pattern) ?? []
  const source = pattern.slice(head.length).replace(DIFFERENT, (found: string, quoted?: string, escaped?: string, name?: string) => {
    if (quoted !== undefined) return quoted.replace(/[.*+?^${}()|[\]\\/]/g, '\\$&')
    if (escaped !== undefined) return escaped === 'A' ? BEGIN : escaped === 'z' ? END : found
    return name === undefined ? '(?<' : CLASSES[name] ?? found
  })
  return new RegExp(source, [...new Set(flags)].join(''))
}
