// `--format`: json, a Go template for each row, or a table of templates; else the command's own columns.
import { Failure } from '../errors.ts'
import type { Output } from './output.ts'
import { alignTabs, renderTable } from './table.ts'
import { toPlain } from './template/values.ts'

export interface Column<R> {
  readonly heading: string
  readonly cell: (row: R) => string
}

export interface Listing<R> {
  /** Name of the command, for the errors of templates. */
  readonly name: string
  readonly rows: readonly R[]
  readonly columns: readonly Column<R>[]
  /** What a template sees of a row. */
  readonly view: (row: R) => unknown
  /** Headings of `table` templates by field, where they are not the field's own words. */
  readonly headings?: Readonly<Record<string, string>>
  /** What `json` prints for a row; the view by default. */
  readonly json?: (row: R) => unknown
  readonly jsonIndent?: number
  readonly noHeading?: boolean
  readonly format?: string | undefined
}

export const isJsonFormat = (format: string): boolean => /^\s*(json|\{\{\s*json\s*\.?\s*\}\})\s*$/.test(format)

/** Prints a listing. @throws Failure invalid for a template that is not one */
export async function printListing<R>(out: Output, listing: Listing<R>): Promise<void> {
  const { rows, columns, format } = listing
  if (format === undefined || format === '' || /^\s*table\s*$/.test(format)) {
    out.write(renderTable(listing.noHeading ? undefined : columns.map(({ heading }) => heading), rows.map((row) => columns.map(({ cell }) => cell(row)))))
  } else if (isJsonFormat(format)) {
    printJson(out, rows.map(listing.json ?? listing.view), listing.jsonIndent ?? 2)
  } else {
    out.write(await renderRows(listing, format))
  }
}

export const printJson = (out: Output, value: unknown, indent: number): void => out.line(JSON.stringify(toPlain(value), null, indent))

async function renderRows<R>({ name, rows, view, headings = {}, noHeading }: Listing<R>, format: string): Promise<string> {
  const isTable = /^\s*table\s/.test(format)
  const body = isTable ? cells(format.replace(/^\s*table\s+/, '')) : format
  const compile = await compiler(name, isTable || body)
  compile(body) // alone first: its errors then tell the user's own lines
  const render = compile(ranged(isTable ? `${body}\n` : endLine(body)))
  const text = render(rows.map(view))
  if (!isTable) return text
  const heading = noHeading ? '' : compile(ranged(`${body}\n`))([headingRow(body, headings)])
  return alignTabs(heading + text)
}

/** Spaces between actions separate cells. */
const cells = (body: string): string => body.replaceAll('\\t', '\t').replaceAll('\\n', '\n').replace(/(\}\})[ ]+(\{\{)/g, '$1\t$2')

const endLine = (body: string): string => (/(\n|\\n)$/.test(body) ? body : `${body}\n`)

/** A template that does not walk the rows itself is applied to each. */
const ranged = (body: string): string => (/\{\{-?\s*range\s+\.\s*-?\}\}/.test(body) ? body : `{{range . -}}${body}{{end -}}`)

/** Tries `\n` and `\t` as what they mean first, since shells pass them on as they are. */
async function compiler(name: string, body: string | true): Promise<(source: string) => (value: unknown) => string> {
  const { compileTemplate } = await import('./template/template.ts')
  if (body === true) return (source) => compileTemplate(name, source)
  return (source) => {
    try {
      return compileTemplate(name, source.replaceAll('\\t', '\t').replaceAll('\\n', '\n'))
    } catch (error) {
      if (!(error instanceof Failure)) throw error
      return compileTemplate(name, source)
    }
  }
}

/** Every field that the template names, as its heading. */
const headingRow = (body: string, headings: Readonly<Record<string, string>>): ReadonlyMap<string, string> =>
  new Map([...body.matchAll(/\.([A-Za-z_]\w*)/g)].map(([, field]) => [field!, headings[field!] ?? splitWords(field!)]))

const splitWords = (field: string): string => field.replace(/([a-z\d])([A-Z])/g, '$1 $2').replace(/([A-Z]+)([A-Z][a-z])/g, '$1 $2').toUpperCase()

/** One value through a template (`inspect`, `info`, `version`): a line. */
export async function renderOne(name: string, format: string, value: unknown): Promise<string> {
  return (await compiler(name, format))(/(\n|\\n)$/.test(format) ? format : `${format}\n`)(value)
}
