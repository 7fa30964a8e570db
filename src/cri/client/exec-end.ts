// A container whose files are reached through nothing but exec: its own tar, test and readlink do the work.
import { posix } from 'node:path'
import { Failure } from '../../errors.ts'
import type { CopyEnd } from '../../engine/copy-files.ts'
import { renameArchive } from '../../engine/rename-archive.ts'
import { ExecRequest, ExecSyncRequest, RuntimeServiceService as Runtime } from '../wire/generated/runtime-v1.ts'
import { makeChannel } from './channel.ts'
import type { Connection } from './connection.ts'
import { codeOfExec, runRemoteCommand } from './remote-command.ts'

export interface ExecEnd { readonly runtime: Connection; readonly id: string; readonly what: string; readonly signal: AbortSignal }

const TAR_WARNED = 1
const END_OF_ARCHIVE = Buffer.alloc(1024)
const MAX_SAID = 4096

export function execEnd({ runtime, id, what, signal }: ExecEnd): CopyEnd {
  const ask = async (...cmd: string[]): Promise<{ code: number; stdout: string }> => {
    try {
      const { exitCode, stdout, stderr } = await runtime.call(Runtime.execSync, ExecSyncRequest.fromPartial({ containerId: id, cmd, timeout: 30n }))
      const said = Buffer.concat([stdout, stderr]).toString('utf8')
      if (codeOfExec(exitCode, said) !== exitCode) throw new Failure('cannotInvoke', said.trim())
      return { code: exitCode, stdout: Buffer.from(stdout).toString('utf8') }
    } catch (error) {
      throw explained(error, cmd[0]!, what)
    }
  }
  const stream = async (cmd: string[], streams: { stdin?: AsyncIterable<Uint8Array>; stdout?: (bytes: Uint8Array) => Promise<void> }): Promise<{ code: number; said: string }> => {
    let said = ''
    try {
      const { url } = await runtime.call(Runtime.exec, ExecRequest.fromPartial({ containerId: id, cmd, tty: false, stdin: streams.stdin !== undefined, stdout: true, stderr: true }))
      const code = await runRemoteCommand({
        url, transport: 'spdy', tty: false, signal, ...streams, stdout: streams.stdout ?? (() => {}),
        stderr: (bytes) => { said = (said + Buffer.from(bytes).toString('utf8')).slice(0, MAX_SAID) },
      })
      return { code, said: said.trim().replaceAll('\n', '; ') }
    } catch (error) {
      throw explained(error, cmd[0]!, what)
    }
  }
  return {
    what,
    async find(path) {
      const at = posix.join('/', path)
      const resolved = await ask('readlink', '-f', at)
      const real = resolved.code === 0 && resolved.stdout.trim() !== '' ? resolved.stdout.replace(/\n$/, '') : at.replace(/(.)\/+$/, '$1')
      if ((await ask('test', '-d', real)).code === 0) return { path: real, kind: 'directory' }
      return { path: real, kind: (await ask('test', '-e', real)).code === 0 ? 'other' : undefined }
    },
    send(path, as) {
      const where = as === '' ? [path, '.'] : [posix.dirname(path), `./${posix.basename(path)}`]
      const { push, end, fail, items } = makeChannel<Uint8Array>()
      void stream(['tar', '-c', '-f', '-', '-C', ...where], { stdout: push }).then(({ code, said }) => {
        if (code > TAR_WARNED) throw new Failure('cannotInvoke', `tar in ${what} ended with ${code}: ${said}`)
        end()
      }).catch(fail)
      return renameArchive(items, as)
    },
    async receive({ chunks, dir, chown }) {
      const { code, said } = await stream(['tar', '-x', '-p', ...(chown ? ['-o'] : []), '-f', '-', '-C', dir], { stdin: whole(chunks) })
      if (code !== 0) throw new Failure('cannotInvoke', `tar in ${what} ended with ${code}: ${said}`)
    },
  }
}

async function* whole(chunks: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
  yield* chunks
  yield END_OF_ARCHIVE
}

function explained(error: unknown, program: string, what: string): unknown {
  if (!(error instanceof Failure) || !/executable file not found|no such file or directory|no such command/.test(error.message)) return error
  return new Failure('unsupported', `${what} has no ${program}, and its files cannot be reached from here otherwise`, { cause: error, hint: 'run this as root on the node itself' })
}
