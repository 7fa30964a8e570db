import { parse, TomlError } from 'smol-toml'
import { Failure } from './errors.ts'

/** Parses TOML; a syntax error names `file` and the line. The result is unchecked: give it to a schema. */
export function parseToml(text: string, file: string): unknown {
  try {
    return parse(withoutComments(text))
  } catch (error) {
    if (!(error instanceof TomlError)) throw error
    throw new Failure('invalid', `${file}:${error.line}: ${error.message.split('\n')[0]}`, { cause: error, hint: `correct the file ${file}` })
  }
}

/** Files of a distribution are comments for the most part, and to parse these takes half a millisecond of each start. Without texts of several lines, a line that begins with # is one. */
const withoutComments = (text: string): string => (/"""|'''/.test(text) ? text : text.replace(/^[ \t]*#.*$/gm, ''))
