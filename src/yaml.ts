import { Document, parse, visit, YAMLParseError } from 'yaml'
import { Failure } from './errors.ts'

/** Parses YAML or JSON; a syntax error names `file` and the line. The result is unchecked: give it to a schema. */
export function parseYaml(text: string, file: string): unknown {
  try {
    return parse(text, { maxAliasCount: 100 })
  } catch (error) {
    if (!(error instanceof YAMLParseError)) throw error
    throw new Failure('invalid', `${file}:${error.linePos?.[0].line ?? 1}: ${error.message.split('\n')[0]!.replace(/ at line \d+, column \d+:?$/, '')}`, { cause: error, hint: `correct the file ${file}` })
  }
}

/**
 * Plain data as YAML, as Go programs write it: keys sorted, lists not indented, long texts on one line; in double quotes
 * a text that would be read as a number, a truth value or null, in single quotes one that would be read as a list or the like.
 */
export function formatYaml(value: unknown): string {
  const document = new Document(value, { sortMapEntries: true, version: '1.1' })
  const isOther = (text: string): boolean => document.schema.tags.some((tag) => tag.tag !== 'tag:yaml.org,2002:str' && 'test' in tag && tag.default === true && tag.test?.test(text))
  visit(document, { Scalar: (_key, node) => { if (typeof node.value === 'string' && isOther(node.value)) node.type = 'QUOTE_DOUBLE' } })
  return document.toString({ indentSeq: false, lineWidth: 0, singleQuote: true })
}
