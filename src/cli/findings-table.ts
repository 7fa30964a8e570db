// A drawn table, for the few commands where looks count more than milliseconds.
import { Chalk } from 'chalk'
import Table from 'cli-table3'

export interface Line { readonly subject: string; readonly verdict: 'ok' | 'warning' | 'problem'; readonly detail: string; readonly remedy?: string }

const NO_FRAME = { top: '', 'top-mid': '', 'top-left': '', 'top-right': '', bottom: '', 'bottom-mid': '', 'bottom-left': '', 'bottom-right': '', left: '', 'left-mid': '', mid: '', 'mid-mid': '', right: '', 'right-mid': '', middle: '  ' }

export function findingsTable(lines: readonly Line[], useColor: boolean): string {
  const chalk = new Chalk({ level: useColor ? 1 : 0 })
  const paint = { ok: chalk.green, warning: chalk.yellow, problem: chalk.red }
  const table = new Table({ chars: NO_FRAME, style: { 'padding-left': 0, 'padding-right': 0, head: [], border: [] } })
  for (const { subject, verdict, detail, remedy } of lines) {
    table.push([paint[verdict](verdict), chalk.bold(subject), detail])
    if (remedy !== undefined && verdict !== 'ok') table.push(['', '', chalk.dim(`-> ${remedy}`)])
  }
  return `${table.toString().split('\n').map((line) => line.trimEnd()).join('\n')}\n`
}
