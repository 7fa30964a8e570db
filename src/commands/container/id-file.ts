import { closeSync, openSync, rmSync, writeSync } from 'node:fs'
import { Failure, reasonOf } from '../../errors.ts'

export interface IdFile extends Disposable { write(id: string): void }

/** --cidfile: made before the container, so that no container is there whose id cannot be written; without an id it goes again. @throws exists, invalid */
export function openIdFile(file: string | undefined): IdFile {
  if (file === undefined) return { write: () => {}, [Symbol.dispose]: () => {} }
  const fd = make(file)
  let isWritten = false
  return {
    write: (id) => { isWritten = writeSync(fd, id) > 0 },
    [Symbol.dispose]: () => {
      closeSync(fd)
      if (!isWritten) rmSync(file, { force: true })
    },
  }
}

function make(file: string): number {
  try {
    return openSync(file, 'wx', 0o644)
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException
    if (code === 'EEXIST') throw new Failure('exists', `the file ${file} of --cidfile exists already`, { hint: 'remove it, or choose another' })
    throw new Failure('invalid', `cannot write --cidfile ${file}: ${reasonOf(error)}`, { cause: error })
  }
}
