// The text format of Prometheus, version 0.0.4: what a scrape reads.

export type Labels = Readonly<Record<string, string>>
export interface Sample {
  /** After the family's name: `_sum`, `_bucket`; default none. */
  readonly suffix?: string
  readonly labels?: Labels
  readonly value: number
}
export interface Family {
  readonly name: string
  readonly help: string
  readonly type: 'counter' | 'gauge' | 'histogram' | 'summary'
  readonly samples: readonly Sample[]
}

export const EXPOSITION_TYPE = 'text/plain; version=0.0.4; charset=utf-8'

export const exposition = (families: readonly Family[]): string => families.map(({ name, help, type, samples }) => [
  `# HELP ${name} ${help.replace(/\\/g, '\\\\').replace(/\n/g, '\\n')}`, `# TYPE ${name} ${type}`,
  ...samples.map(({ suffix = '', labels = {}, value }) => `${name}${suffix}${labelsText(labels)} ${numberText(value)}`),
].join('\n')).join('\n') + '\n'

function labelsText(labels: Labels): string {
  const pairs = Object.entries(labels).map(([name, value]) => `${name}="${value.replace(/[\\"\n]/g, (one) => (one === '\n' ? '\\n' : `\\${one}`))}"`)
  return pairs.length === 0 ? '' : `{${pairs.join(',')}}`
}

const numberText = (value: number): string => (value === Infinity ? '+Inf' : String(value))
