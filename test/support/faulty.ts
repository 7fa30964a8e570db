import { chmodSync, existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'

/** A stand-in for a program that other programs call: it does what the real one does until it is told to fail, or to wait. */
export interface Faulty {
  readonly path: string
  /** From now on calls whose words match fail with this code and text; `after`: once the real one has done its work. */
  fail(order: { readonly words: string; readonly code?: number; readonly stderr?: string; readonly stdout?: string; readonly after?: boolean }): void
  /** From now on calls whose words match wait to be healed, and then do their work. */
  hold(words: string): void
  heal(): void
  /** Words of every call so far. */
  calls(): string[]
}

interface FaultyOptions {
  readonly dir: string
  readonly name: string
  readonly real: string
  /** Shell expression for the words of a call: the arguments, or a CNI plugin's environment. */
  readonly words: string
}

const makeFaulty = ({ dir, name, real, words }: FaultyOptions): Faulty => {
  mkdirSync(dir, { recursive: true })
  const [path, order, calls] = [join(dir, name), join(dir, `.${name}-order`), join(dir, `.${name}-calls`)]
  writeFileSync(path, `#!/bin/sh
words="${words}"
echo "$words" >>'${calls}'
if [ -e '${order}' ]; then
  . '${order}'
  case " $words " in *" $FAIL "*)
    if [ -n "$HOLD" ]; then while [ -e '${order}' ]; do sleep 0.05; done; exec '${real}' "$@"; fi
    if [ -n "$AFTER" ]; then '${real}' "$@" >/dev/null; fi
    printf '%s' "$STDOUT"; printf '%s' "$STDERR" >&2; exit "$CODE" ;;
  esac
fi
exec '${real}' "$@"
`)
  chmodSync(path, 0o755)
  const quote = (text: string) => `'${text.replaceAll("'", "'\\''")}'`
  return {
    path,
    fail: ({ words: match, code = 1, stderr = '', stdout = '', after = false }) => writeFileSync(order,
      `FAIL=${quote(match)}; HOLD=; CODE=${code}; STDERR=${quote(stderr)}; STDOUT=${quote(stdout)}; AFTER=${after ? 1 : ''}\n`),
    hold: (match) => writeFileSync(order, `FAIL=${quote(match)}; HOLD=1\n`),
    heal: () => rmSync(order, { force: true }),
    calls: () => (existsSync(calls) ? readFileSync(calls, 'utf8').trimEnd().split('\n') : []),
  }
}

/** An OCI runtime: `fail({ words: 'create' })`. */
export const faultyRuntime = (dir: string, real = '/usr/sbin/runc'): Faulty => makeFaulty({ dir, name: 'faulty-runc', real, words: '$*' })

/** A CNI plugin of this name, for a plugin folder searched first: `fail({ words: 'ADD', stdout: '{"code":...}' })`. */
export const faultyPlugin = (dir: string, name: string): Faulty =>
  makeFaulty({ dir, name, real: `/usr/lib/cni/${name}`, words: '$CNI_COMMAND $CNI_CONTAINERID $CNI_IFNAME' })
