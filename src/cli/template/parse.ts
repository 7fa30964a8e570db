// Makes a tree of a Go template's tokens.
import { TemplateError, lex, type Part, type Token } from './lex.ts'

export type Operand =
  | { readonly kind: 'dot' | 'nil' }
  | { readonly kind: 'literal'; readonly value: string | number | boolean }
  | { readonly kind: 'field'; readonly names: readonly string[] }
  | { readonly kind: 'variable'; readonly name: string; readonly names: readonly string[] }
  | { readonly kind: 'function'; readonly name: string }
  | { readonly kind: 'pipe'; readonly pipe: Pipe; readonly names: readonly string[] }

export interface Call { readonly operands: readonly Operand[]; readonly line: number }
export interface Pipe { readonly declares: readonly string[]; readonly assigns: boolean; readonly calls: readonly Call[] }

export type Node =
  | { readonly kind: 'text'; readonly text: string }
  | { readonly kind: 'output'; readonly pipe: Pipe }
  | { readonly kind: 'if' | 'with' | 'range'; readonly pipe: Pipe; readonly body: readonly Node[]; readonly otherwise: readonly Node[] }
  | { readonly kind: 'template'; readonly name: string; readonly pipe: Pipe | undefined; readonly line: number }
  | { readonly kind: 'break' | 'continue' }

export interface Parsed { readonly nodes: readonly Node[]; readonly definitions: ReadonlyMap<string, readonly Node[]> }

const KEYWORDS = new Set(['if', 'else', 'end', 'range', 'with', 'template', 'define', 'block', 'break', 'continue'])

/** @throws TemplateError with a message that starts with the line. */
export function parse(source: string, functions: ReadonlySet<string>): Parsed {
  const parts = lex(source)
  const definitions = new Map<string, readonly Node[]>()
  let position = 0
  let loops = 0

  /** Reads nodes up to `end` or `else`; at the top level up to the end. */
  function block(opened: string, variables: readonly string[]): { nodes: Node[]; stop: string; rest: readonly Token[] } {
    const nodes: Node[] = []
    const scope = [...variables]
    while (position < parts.length) {
      const part: Part = parts[position++]!
      if ('text' in part) { nodes.push({ kind: 'text', text: part.text }); continue }
      const word = part.tokens[0]?.kind === 'identifier' && KEYWORDS.has(part.tokens[0].text) ? part.tokens[0].text : ''
      const rest = part.tokens.slice(1)
      if (word === 'end' || word === 'else') {
        if (opened === '') throw new TemplateError(`${part.line}: unexpected {{${word}}}`)
        return { nodes, stop: word, rest }
      }
      const node = word === '' ? output(part, scope) : control(word, rest, { line: part.line, scope })
      if (node) nodes.push(node)
    }
    if (opened !== '') throw new TemplateError(`${parts.length ? lastLine() : 1}: unexpected EOF`)
    return { nodes, stop: '', rest: [] }
  }

  const lastLine = (): number => source.split('\n').length

  function output(part: { tokens: readonly Token[]; line: number }, scope: string[]): Node {
    const pipe = parsePipe(part.tokens, part.line, { scope, functions, what: 'command' })
    scope.push(...pipe.declares)
    return { kind: 'output', pipe }
  }

  function control(word: string, rest: readonly Token[], { line, scope }: { line: number; scope: string[] }): Node | undefined {
    switch (word) {
      case 'if': case 'with': case 'range': return branch(word, rest, { line, scope })
      case 'break': case 'continue':
        if (rest.length > 0) throw new TemplateError(`${line}: unexpected ${JSON.stringify(rest[0]!.text)} in {{${word}}}`)
        if (loops === 0) throw new TemplateError(`${line}: {{${word}}} outside {{range}}`)
        return { kind: word }
      case 'template': return { kind: 'template', name: nameOf(rest, line), pipe: rest.length > 1 ? parsePipe(rest.slice(1), line, { scope, functions, what: 'template' }) : undefined, line }
      case 'define': definitions.set(nameOf(rest, line), definition('define')); return undefined
      default: {
        const name = nameOf(rest, line)
        const pipe = parsePipe(rest.slice(1), line, { scope, functions, what: 'block clause' })
        definitions.set(name, definition('block'))
        return { kind: 'template', name, pipe, line }
      }
    }
  }

  /** What a template of its own has between its ends: no loop around it reaches inside. */
  function definition(opened: 'define' | 'block'): readonly Node[] {
    const around = loops
    loops = 0
    const { nodes } = block(opened, ['$'])
    loops = around
    return nodes
  }

  function branch(kind: 'if' | 'with' | 'range', tokens: readonly Token[], { line, scope }: { line: number; scope: string[] }): Node {
    const pipe = parsePipe(tokens, line, { scope, functions, what: kind })
    const inner = [...scope, ...pipe.declares]
    if (kind === 'range') loops++
    const body = block(kind, inner)
    if (kind === 'range') loops--
    if (body.stop !== 'else') return { kind, pipe, body: body.nodes, otherwise: [] }
    const next = body.rest[0]
    if (next?.kind === 'identifier' && (next.text === 'if' || next.text === 'with') && kind !== 'range') {
      return { kind, pipe, body: body.nodes, otherwise: [branch(next.text, body.rest.slice(1), { line, scope: inner })] }
    }
    return { kind, pipe, body: body.nodes, otherwise: block(kind, inner).nodes }
  }

  const { nodes } = block('', ['$'])
  return { nodes, definitions }
}

const nameOf = ([token]: readonly Token[], line: number): string => {
  if (token?.kind !== 'string') throw new TemplateError(`${line}: a template's name must be a quoted string`)
  return unquote(token.text, line)
}

interface PipeContext { readonly scope: readonly string[]; readonly functions: ReadonlySet<string>; readonly what: string }

function parsePipe(tokens: readonly Token[], line: number, { scope, functions, what }: PipeContext): Pipe {
  let position = 0
  const declares: string[] = []
  let assigns = false
  const mark = tokens.findIndex(({ kind }) => kind === ':=' || kind === '=')
  if (mark >= 0) {
    assigns = tokens[mark]!.kind === '='
    for (const token of tokens.slice(0, mark)) {
      if (token.kind === 'variable') declares.push(token.text)
      else if (token.kind !== ',') throw new TemplateError(`${line}: unexpected ${JSON.stringify(token.text)} in ${what}`)
    }
    if (declares.length > (what === 'range' ? 2 : 1)) throw new TemplateError(`${line}: too many declarations in ${what}`)
    position = mark + 1
  }
  const unknown = assigns ? declares.find((name) => !scope.includes(name)) : undefined
  if (unknown !== undefined) throw new TemplateError(`${line}: undefined variable ${JSON.stringify(unknown)}`)
  const calls = readCalls(false)
  if (calls.length === 0 || calls.some(({ operands }) => operands.length === 0)) throw new TemplateError(`${line}: missing value for ${what}`)
  return { declares, assigns, calls }

  function readCalls(inParentheses: boolean): Call[] {
    const result: Call[] = []
    let operands: Operand[] = []
    const close = () => { result.push({ operands, line }); operands = [] }
    while (position < tokens.length) {
      const token = tokens[position++]!
      if (token.kind === ')') {
        if (!inParentheses) throw new TemplateError(`${line}: unexpected right paren`)
        close()
        return result
      }
      if (token.kind === '|') { close(); continue }
      operands.push(operand(token))
    }
    if (inParentheses) throw new TemplateError(`${line}: unclosed left paren`)
    if (operands.length > 0 || result.length > 0) close()
    return result
  }

  function operand(token: Token): Operand {
    switch (token.kind) {
      case '(': return { kind: 'pipe', pipe: { declares: [], assigns: false, calls: readCalls(true) }, names: chained() }
      case 'field': return { kind: 'field', names: [token.text.slice(1), ...chained()] }
      case 'dot': return { kind: 'dot' }
      case 'variable':
        if (!scope.includes(token.text)) throw new TemplateError(`${line}: undefined variable ${JSON.stringify(token.text)}`)
        return { kind: 'variable', name: token.text, names: chained() }
      case 'string': return { kind: 'literal', value: unquote(token.text, line) }
      case 'char': return { kind: 'literal', value: unquote(`"${token.text.slice(1, -1)}"`, line).codePointAt(0)! }
      case 'number': return { kind: 'literal', value: Number(token.text.replaceAll('_', '')) }
      case 'bool': return { kind: 'literal', value: token.text === 'true' }
      case 'nil': return { kind: 'nil' }
      case 'identifier':
        if (!functions.has(token.text)) throw new TemplateError(`${line}: function ${JSON.stringify(token.text)} not defined`)
        return { kind: 'function', name: token.text }
      default: throw new TemplateError(`${line}: unexpected ${JSON.stringify(token.text)} in ${what}`)
    }
  }

  function chained(): string[] {
    const names: string[] = []
    while (tokens[position]?.kind === 'field' && !tokens[position]!.spaceBefore) names.push(tokens[position++]!.text.slice(1))
    return names
  }
}

const ESCAPES: Record<string, string> = { n: '\n', t: '\t', r: '\r', a: '\x07', b: '\b', f: '\f', v: '\v' }

export function unquote(text: string, line: number): string {
  if (text.startsWith('`')) return text.slice(1, -1)
  return text.slice(1, -1).replace(/\\(x[\da-fA-F]{2}|u[\da-fA-F]{4}|U[\da-fA-F]{8}|[0-7]{3}|.)/g, (_, escape: string) => {
    if (/^[xuU]./.test(escape)) return String.fromCodePoint(Number.parseInt(escape.slice(1), 16))
    if (/^[0-7]{3}$/.test(escape)) return String.fromCodePoint(Number.parseInt(escape, 8))
    if (escape === '"' || escape === "'" || escape === '\\') return escape
    const char = ESCAPES[escape]
    if (char === undefined) throw new TemplateError(`${line}: invalid syntax in ${text}`)
    return char
  })
}
