// What the guest tells the host, one JSON object a line; and node's test reporter that writes it.
import type { TestEvent } from 'node:test/reporters'
import { relative, resolve } from 'node:path'

export interface Report {
  /** A test ended. */
  readonly test?: { readonly file: string; readonly name: string; readonly ms: number; readonly failure?: string; readonly skipped?: string }
  /** What a test file wrote to its standard error. */
  readonly said?: string
  /** The job has come to a named point; `done` is the last. */
  readonly mark?: string
}

const checkout = resolve(import.meta.dirname, '../../..')

export default async function* reporter(source: AsyncIterable<TestEvent>): AsyncGenerator<string> {
  for await (const { type, data } of source) {
    if (type === 'test:stderr') yield line({ said: data.message })
    if (type !== 'test:pass' && type !== 'test:fail') continue
    // A file is a suite of its own; it counts only where it fails by itself.
    const { details, name, file = '', nesting, skip } = data
    if (details.type === 'suite' || (type === 'test:pass' && nesting === 0 && resolve(name) === resolve(file))) continue
    yield line({
      test: {
        file: relative(checkout, file), name, ms: details.duration_ms,
        ...('error' in details ? { failure: describe(details.error) } : {}),
        ...(skip !== undefined && skip !== false ? { skipped: String(skip) } : {}),
      },
    })
  }
}

const line = (report: Report): string => `${JSON.stringify(report)}\n`

function describe(error: Error): string {
  const cause = error.cause instanceof Error ? error.cause : error
  return cause.stack ?? String(error.cause ?? error)
}
