// What the guest tells the host, one JSON object a line; and node's test reporter that writes it.
import type { TestEvent } from 'node:test/reporters'
import { relative, resolve } from 'node:path'

export interface Report {
  /** A test ended. */
  readonly test?: { readonly file: string; readonly name: string; readonly ms: number; readonly failure?: string; readonly skipped?: string }
  /** The job has come to a named point; `done` is the last. */
  readonly mark?: string
}

const checkout = resolve(import.meta.dirname, '../../..')
const MAX_FAILURE_CHARS = 20_000

export default async function* reporter(source: AsyncIterable<TestEvent>): AsyncGenerator<string> {
  const said = new Map<string, string>()
  for await (const { type, data } of source) {
    if (type === 'test:stderr') said.set(data.file, `${said.get(data.file) ?? ''}${data.message}`.slice(-MAX_FAILURE_CHARS))
    if (type !== 'test:pass' && type !== 'test:fail') continue
    // A file is a suite of its own; it counts only where it fails by itself.
    const { details, name, file = '', nesting, skip } = data
    if (details.type === 'suite' || (type === 'test:pass' && nesting === 0 && resolve(name) === resolve(file))) continue
    const output = said.get(file)
    said.delete(file)
    const report: Report = {
      test: {
        file: relative(checkout, file), name, ms: details.duration_ms,
        ...(type === 'test:fail' ? { failure: describe(details.error) + (output ? `\n${output}` : '') } : {}),
        ...(skip !== undefined && skip !== false ? { skipped: String(skip) } : {}),
      },
    }
    yield `${JSON.stringify(report)}\n`
  }
}

function describe(error: Error): string {
  const cause = error.cause instanceof Error ? error.cause : error
  return cause.stack ?? String(error.cause ?? error)
}
