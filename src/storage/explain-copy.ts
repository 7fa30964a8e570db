import { Failure, isNoSpace } from '../errors.ts'
import { shownPath, type BytePath } from './byte-path.ts'

/** Says which entry of a copy failed, and why in words. */
export function explainCopy(error: unknown, entry: BytePath): unknown {
  if (error instanceof Failure) return new Failure(error.kind, entry === '' ? error.message : `${shownPath(entry)}: ${error.message}`, { cause: error, ...(error.hint === undefined ? {} : { hint: error.hint }) })
  const { code, syscall } = error as NodeJS.ErrnoException
  if (code === undefined || syscall === undefined) return error
  if (code === 'EROFS' || code === 'EACCES' || code === 'EPERM') return new Failure('denied', `${shownPath(entry)}: cannot be written there (${code === 'EROFS' ? 'the file system is read-only' : code})`, { cause: error })
  if (isNoSpace(code)) return new Failure('noSpace', `${shownPath(entry)}: no space is left there`, { cause: error })
  return new Failure('invalid', `${shownPath(entry)}: cannot be copied (${syscall}: ${code})`, { cause: error })
}
