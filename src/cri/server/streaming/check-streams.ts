import { Failure } from '../../../errors.ts'

/** @throws invalid */
export function checkStreams({ stdin, stdout, stderr, tty }: { stdin: boolean; stdout: boolean; stderr: boolean; tty: boolean }): void {
  if (!stdin && !stdout && !stderr) throw new Failure('invalid', 'one of stdin, stdout and stderr must be asked for')
  if (tty && stderr) throw new Failure('invalid', 'a terminal has no stderr of its own: ask for one of them')
}
