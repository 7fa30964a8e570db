import { parse, stringify, YAMLParseError } from 'yaml'
import { Failure } from './errors.ts'

/** Parses YAML or JSON; a syntax error names `file` and the line. The result is unchecked: give it to a schema. */
export function parseYaml(text: string, file: string): unknown {
  try {
    return parse(text, { maxAliasCount: 100 })
  } catch (error) {
    if (!(error instanceof YAMLParseError)) throw error
    throw new Failure('invalid', `${file}:${error.linePos?.[0].line ?? 1}: ${error.message.split('\n')[0]}`, { cause: error, hint: `correct the file ${file}` })
  }
}

/** Plain data as YAML: keys sorted, lists not indented, long texts on one line. */
export const formatYaml = (value: unknown): string => stringify(value, { sortMapEntries: true, indentSeq: false, lineWidth: 0, version: '1.1' })
