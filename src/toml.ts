import { parse, TomlError } from 'smol-toml'
import { Failure } from './errors.ts'

/** Parses TOML; a syntax error names `file` and the line. The result is unchecked: give it to a schema. */
export function parseToml(text: string, file: string): unknown {
  try {
    return parse(text)
  } catch (error) {
    if (!(error instanceof TomlError)) throw error
    throw new Failure('invalid', `${file}:${error.line}: ${error.message.split('\n')[0]}`, { cause: error, hint: `correct the file ${file}` })
  }
}
