import assert from 'node:assert/strict'
import test from 'node:test'
import type { AnyCommand } from './command.ts'
import { commaList, flag, integer, list, oneOf, size, text } from './option.ts'
import { readOptions } from './option-values.ts'
import { readWords } from './words.ts'

const spec: AnyCommand = {
  name: 'run', summary: 'x', passThrough: true, args: [{ name: 'image', arity: 'one' }, { name: 'command', arity: 'words' }],
  options: {
    rm: flag('--rm', 'a'), tty: flag('-t, --tty', 'a'), interactive: flag('-i, --interactive', 'a'), env: list('-e, --env <x>', 'a'), dns: commaList('--dns <x>', 'a'),
    name: text('--name <x>', 'a'), memory: size('-m, --memory <x>', 'a'), noTrunc: flag('--no-trunc', 'a'), sigProxy: flag('--sig-proxy', 'a', true), network: list('--net, --network <x>', 'a'),
    time: integer('--time <x>', 'a'), sort: oneOf('--sort <x>', 'a', ['id', 'name']),
  },
  run: async () => {},
}
const context = { title: 'scow run', globals: new Map([['--root', true], ['--syslog', false]]) }
const read = (...words: string[]) => {
  const found = readWords(spec, words, context)
  return { args: found.args, globals: found.globals, ...readOptions(spec, found, context.title) } as Record<string, any>
}

test('flags end at the first argument', () => {
  const { args, tty, env } = read('-t', 'image', 'ls', '-e', 'x', '--rm')
  assert.deepEqual(args, ['image', 'ls', '-e', 'x', '--rm'])
  assert.deepEqual([tty, env], [true, []])
})
test('a command that does not pass through takes flags after arguments, until --', () => {
  const found = readWords({ ...spec, passThrough: false }, ['a', '--rm', '--', '-t'], context)
  assert.deepEqual(found.args, ['a', '-t'])
  assert.deepEqual([...found.given], ['rm'])
})
test('switches stand together and carry values', () => {
  assert.deepEqual([read('-it').tty, read('-it').interactive], [true, true])
  assert.deepEqual([read('--rm=false').rm, read('--rm').rm, read('--rm=1').rm, read('--sig-proxy=false').sigProxy, read().sigProxy], [false, true, true, false, true])
  assert.deepEqual(read('-t=false').tty, false)
  assert.equal(read('--no-trunc').noTrunc, true)
})
test('values come after =, in the next word, or right behind a short flag', () => {
  assert.deepEqual(read('-e', 'A=1', '-eB=2', '-e=C=3', '--env=D=4', '--env', '--rm').env, ['A=1', 'B=2', 'C=3', 'D=4', '--rm'])
  assert.deepEqual(read('-ite', 'A').env, ['A'])
  assert.deepEqual(read('--dns', 'a,b', '--dns=c').dns, ['a', 'b', 'c'])
  assert.equal(read('-m', '512m').memory, 512 * 1024 * 1024)
  assert.equal(read('--name=').name, '')
  assert.deepEqual(read('--net', 'a', '--network=b').network, ['a', 'b'])
})
test('global flags are taken behind the name too', () => {
  assert.deepEqual([...read('--root', '/x', '--syslog', 'img').globals], [['--root', '/x'], ['--syslog', 'true']])
})
for (const [words, message] of [
  [['--foo'], /^unknown flag: --foo$/], [['-x'], /^unknown shorthand flag: 'x' in -x$/], [['--name'], /^flag needs an argument: --name$/], [['-m', 'lots'], /^invalid argument "lots" for --memory: expected a size/],
  [['--rm=maybe'], /^invalid argument "maybe" for --rm: expected true or false$/], [['--time', '1.5'], /expected a whole number/], [['--sort', 'x'], /expected one of id, name/],
] as const) {
  test(`refuses ${words.join(' ')} in one line with a hint`, () => assert.throws(() => read(...words), { name: 'Failure', kind: 'invalid', message, hint: "see 'scow run --help'" }))
}
