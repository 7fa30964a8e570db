// Splits a Go template (text/template) into text and the tokens of its actions.

export type TokenKind =
  | 'identifier' | 'field' | 'variable' | 'dot' | 'string' | 'number' | 'char' | 'nil' | 'bool'
  | '|' | '(' | ')' | ',' | '=' | ':='

export interface Token { readonly kind: TokenKind; readonly text: string; readonly line: number; readonly spaceBefore: boolean }
export type Part = { readonly text: string } | { readonly tokens: readonly Token[]; readonly line: number }

export class TemplateError extends Error {}

const PATTERN = new RegExp([
  String.raw`(?<space>[ \t\r\n]+)`, String.raw`(?<string>"(?:[^"\\\n]|\\.)*"|` + '`[^`]*`)', String.raw`(?<char>'(?:[^'\\\n]|\\.)+')`,
  String.raw`(?<number>[+\-]?(?:0[xX][\da-fA-F_]+|0[bB][01_]+|0[oO][0-7_]+|\d[\d_]*(?:\.\d*)?(?:[eE][+\-]?\d+)?|\.\d+))`,
  String.raw`(?<field>\.[\p{L}_][\p{L}\p{N}_]*)`, String.raw`(?<dot>\.)`, String.raw`(?<variable>\$[\p{L}\p{N}_]*)`,
  String.raw`(?<identifier>[\p{L}_][\p{L}\p{N}_]*)`, String.raw`(?<mark>:=|[|(),=])`,
].join('|'), 'uy')

/** @throws TemplateError */
export function lex(source: string): Part[] {
  const parts: Part[] = []
  let position = 0
  let trimNext = false
  for (;;) {
    const open = source.indexOf('{{', position)
    let text = source.slice(position, open < 0 ? undefined : open)
    if (trimNext) text = text.trimStart()
    const trimBefore = open >= 0 && /^\{\{-[ \t\r\n]/.test(source.slice(open, open + 4))
    if (trimBefore) text = text.trimEnd()
    if (text !== '') parts.push({ text })
    if (open < 0) return parts
    const line = lineAt(source, open)
    const start = open + (trimBefore ? 3 : 2)
    const comment = /^[ \t\r\n]*\/\*[^]*?\*\/(?<close>[ \t\r\n]*-?\}\})/.exec(source.slice(start))
    if (comment) {
      position = start + comment[0].length
      trimNext = comment.groups!['close']!.trim().startsWith('-')
      continue
    }
    const action = lexAction(source, start, line)
    parts.push({ tokens: action.tokens, line })
    position = action.end
    trimNext = action.trimAfter
  }
}

function lexAction(source: string, start: number, line: number): { tokens: Token[]; end: number; trimAfter: boolean } {
  const tokens: Token[] = []
  let position = start
  let spaceBefore = true
  for (;;) {
    if (source.startsWith('}}', position)) return { tokens, end: position + 2, trimAfter: false }
    if (spaceBefore && source.startsWith('-}}', position)) return { tokens, end: position + 3, trimAfter: true }
    if (position >= source.length) throw new TemplateError(`${line}: unclosed action`)
    PATTERN.lastIndex = position
    const match = PATTERN.exec(source)
    if (!match) throw new TemplateError(`${line}: ${unreadable(source, position)}`)
    position += match[0].length
    const [kind, text] = Object.entries(match.groups!).find(([, value]) => value !== undefined)!
    if (kind === 'space') { spaceBefore = true; continue }
    tokens.push({ kind: kindOf(kind, text!), text: text!, line: lineAt(source, position), spaceBefore })
    spaceBefore = false
  }
}

const unreadable = (source: string, position: number): string => {
  const char = source[position]!
  if (char === '"') return 'unterminated quoted string'
  if (char === '`') return 'unterminated raw quoted string'
  if (char === "'") return 'unterminated character constant'
  return `bad character U+${char.codePointAt(0)!.toString(16).toUpperCase().padStart(4, '0')} '${char}'`
}

const kindOf = (kind: string, text: string): TokenKind => {
  if (kind === 'mark') return text as TokenKind
  if (kind === 'identifier' && (text === 'true' || text === 'false')) return 'bool'
  if (kind === 'identifier' && text === 'nil') return 'nil'
  return kind as TokenKind
}

const lineAt = (source: string, position: number): number => source.slice(0, position).split('\n').length
