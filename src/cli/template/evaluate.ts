// Executes a parsed template over a value.
import { TemplateError } from './lex.ts'
import { isTrue, type Functions } from './functions.ts'
import type { Call, Node, Operand, Parsed, Pipe } from './parse.ts'
import { goType, show } from './print.ts'
import { GoTime, fieldOf, isStruct, sortedKeys, structType } from './values.ts'

class Scope {
  readonly #variables: [string, unknown][]
  readonly functions: Functions
  constructor(variables: [string, unknown][], functions: Functions) { this.#variables = variables; this.functions = functions }
  inner(): Scope { return new Scope([...this.#variables], this.functions) }
  declare(name: string, value: unknown): void { this.#variables.push([name, value]) }
  assign(name: string, value: unknown): void { this.#cell(name)[1] = value }
  read(name: string): unknown { return this.#cell(name)[1] }
  #cell(name: string): [string, unknown] { return this.#variables.findLast(([known]) => known === name)! }
}

class Jump extends Error {
  readonly kind: 'break' | 'continue'
  constructor(kind: 'break' | 'continue') { super(kind); this.kind = kind }
}

type Loop = Extract<Node, { body: readonly Node[] }>

/** A `{{template}}` that calls itself without end is stopped here. */
const MAX_DEPTH = 200

/** @throws TemplateError */
export function evaluate({ nodes, definitions }: Parsed, root: unknown, functions: Functions): string {
  let output = ''
  let depth = 0

  const walk = (list: readonly Node[], dot: unknown, scope: Scope): void => {
    for (const node of list) step(node, dot, scope)
  }
  function step(node: Node, dot: unknown, scope: Scope): void {
    switch (node.kind) {
      case 'text': output += node.text; return
      case 'output': {
        const value = pipeline(node.pipe, dot, scope)
        if (node.pipe.declares.length === 0) output += show(value)
        return
      }
      case 'if': case 'with': {
        const inner = scope.inner()
        const value = pipeline(node.pipe, dot, inner)
        if (isTrue(value)) walk(node.body, node.kind === 'with' ? value : dot, inner)
        else walk(node.otherwise, dot, inner)
        return
      }
      case 'range': range(node.pipe, { node, dot, scope }); return
      case 'template': {
        const body = definitions.get(node.name)
        if (!body) throw new TemplateError(`template ${JSON.stringify(node.name)} not defined`)
        if (++depth > MAX_DEPTH) throw new TemplateError('exceeded maximum template depth')
        const value = node.pipe ? pipeline(node.pipe, dot, scope) : null
        walk(body, value, new Scope([['$', value]], functions))
        depth--
        return
      }
      default: throw new Jump(node.kind)
    }
  }
  function range(pipe: Pipe, { node, dot, scope }: { node: Loop; dot: unknown; scope: Scope }): void {
    const inner = scope.inner()
    const entries = entriesOf(pipeline({ ...pipe, declares: [] }, dot, inner))
    if (entries.length === 0) return walk(node.otherwise, dot, inner)
    const { declares } = pipe
    for (const [key, value] of entries) {
      const turn = inner.inner()
      const values = declares.length === 1 ? [value] : [key, value]
      for (const [at, name] of declares.entries()) {
        if (pipe.assigns) turn.assign(name, values[at])
        else turn.declare(name, values[at])
      }
      try {
        walk(node.body, value, turn)
      } catch (error) {
        if (!(error instanceof Jump)) throw error
        if (error.kind === 'break') return
      }
    }
  }
  walk(nodes, root, new Scope([['$', root]], functions))
  return output
}

function pipeline(pipe: Pipe, dot: unknown, scope: Scope): unknown {
  let value: unknown
  pipe.calls.forEach((call, at) => { value = command(call, { dot, scope, piped: at === 0 ? [] : [value] }) })
  for (const name of pipe.declares) {
    if (pipe.assigns) scope.assign(name, value)
    else scope.declare(name, value)
  }
  return value
}

interface Context { readonly dot: unknown; readonly scope: Scope; readonly piped: readonly unknown[] }

function command({ operands }: Call, context: Context): unknown {
  const [first, ...rest] = operands
  const { dot, scope, piped } = context
  if (first!.kind === 'function' && (first!.name === 'and' || first!.name === 'or')) return decide(first!.name, rest, context)
  const args = () => [...rest.map((operand) => valueOf(operand, { dot, scope, piped: [] })), ...piped]
  if (first!.kind === 'function') {
    const values = args()
    try {
      return scope.functions[first!.name]!(...values)
    } catch (error) {
      if (error instanceof TemplateError || !(error instanceof Error)) throw new TemplateError(`error calling ${first!.name}: ${(error as Error).message}`)
      throw new TemplateError(`error calling ${first!.name}: wrong arguments`)
    }
  }
  const target = valueOf(first!, context, args())
  if (rest.length > 0 && !isCallable(first!)) throw new TemplateError(`can't give argument to non-function ${describe(first!)}`)
  return target
}

const isCallable = (operand: Operand): boolean => operand.kind === 'field' || operand.kind === 'variable' || operand.kind === 'pipe'

function decide(name: 'and' | 'or', operands: readonly Operand[], { dot, scope, piped }: Context): unknown {
  let value: unknown
  for (const operand of operands) {
    value = valueOf(operand, { dot, scope, piped: [] })
    if (isTrue(value) === (name === 'or')) return value
  }
  return piped.length > 0 ? piped[0] : value
}

function valueOf(operand: Operand, context: Context, args: readonly unknown[] = []): unknown {
  switch (operand.kind) {
    case 'dot': return context.dot
    case 'nil': return null
    case 'literal': return operand.value
    case 'field': return follow(context.dot, operand.names, args)
    case 'variable': return follow(context.scope.read(operand.name), operand.names, args)
    case 'pipe': return follow(pipeline(operand.pipe, context.dot, context.scope), operand.names, args)
    case 'function': return command({ operands: [operand], line: 0 }, { ...context, piped: [] })
  }
}

const follow = (value: unknown, names: readonly string[], args: readonly unknown[]): unknown =>
  names.reduce((inner, name, at) => field(inner, name, { args: at === names.length - 1 ? args : [], path: names }), value)

function field(value: unknown, name: string, { args, path }: { args: readonly unknown[]; path: readonly string[] }): unknown {
  const at = `at <.${path.join('.')}>: `
  if (value === undefined || value === null) throw new TemplateError(`${at}nil data; no entry for key ${JSON.stringify(name)}`)
  if (value instanceof Map) return value.get(name)
  if (value instanceof GoTime && name in value) return called((value as unknown as Record<string, unknown>)[name], value, args)
  if (isStruct(value)) {
    const found = fieldOf(value, name)
    if (found !== undefined) return called(value[found], value, args)
    throw new TemplateError(`${at}can't evaluate field ${name} in type ${structType(value)}`)
  }
  if (typeof value === 'object' && !Array.isArray(value) && Object.hasOwn(value, name)) return (value as Record<string, unknown>)[name]
  throw new TemplateError(`${at}can't evaluate field ${name} in type ${goType(value)}`)
}

const called = (value: unknown, self: unknown, args: readonly unknown[]): unknown => (typeof value === 'function' ? value.call(self, ...args) : value)

function entriesOf(value: unknown): (readonly [unknown, unknown])[] {
  if (value === undefined || value === null) return []
  if (Array.isArray(value)) return value.map((item, at) => [at, item] as const)
  if (value instanceof Map) return sortedKeys(value).map((key) => [key, value.get(key)] as const)
  if (typeof value === 'number') return Array.from({ length: Math.max(0, value) }, (_, at) => [at, at] as const)
  throw new TemplateError(`range can't iterate over ${show(value)}`)
}

const describe = (operand: Operand): string => (operand.kind === 'literal' ? show(operand.value) : operand.kind)
