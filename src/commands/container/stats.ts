import { setTimeout as sleep } from 'node:timers/promises'
import { flag, integer, text } from '../../cli/option.ts'
import { printListing } from '../../cli/report.ts'
import { containerStatistics, type Statistics } from '../../engine/container-statistics.ts'
import { Failure } from '../../errors.ts'
import { defineCommand, type Call } from '../command.ts'
import type { Row } from './row.ts'
import { selectOne, selectOptions } from './select.ts'
import { engineContainers } from './source.ts'
import { COLUMNS, STATS_HEADINGS, statsJson, statsView } from './stats-view.ts'

const CLEAR_SCREEN = '\x1b[H\x1b[2J'
const INTERVAL_SECONDS = 5

const options = {
  all: flag('-a, --all', 'Show containers that do not run too'),
  format: text('--format <template>', 'json, or a Go template'),
  interval: integer('-i, --interval <seconds>', 'Time between two turns; 5 by default'),
  latest: selectOptions.latest,
  noReset: flag('--no-reset', 'Do not clear the screen before a turn'),
  noStream: flag('--no-stream', 'Show them once'),
  noTrunc: flag('--no-trunc', 'Show ids in full'),
}
type StatsCall = Call<typeof options>

export const spec = defineCommand({
  name: 'stats',
  summary: 'Show what containers use, again and again',
  args: [{ name: 'container', arity: 'many', complete: 'running' }],
  options,
  examples: ['stats', 'stats --no-stream web db', 'stats --no-stream --format "table {{.Name}} {{.CPUPerc}} {{.MemUsage}}"'],
  async run(call) {
    const { args, options: { all, latest, interval = INTERVAL_SECONDS, noStream, noReset }, out, interrupt: { signal } } = call
    if (Number(all) + Number(latest) + Number(args.length > 0) > 1) throw new Failure('invalid', '--all, --latest and names exclude each other')
    if (interval <= 0) throw new Failure('invalid', `--interval ${interval} is no time to wait`, { hint: 'give seconds, 1 or more' })
    const source = engineContainers(await call.engine())
    const named = latest ? [(await selectOne(source, { args, latest })).id] : args.length > 0 ? await Promise.all(args.map(async (name) => (await source.find(name)).id)) : undefined
    let before = new Map<string, Statistics>()
    for (;;) {
      const rows = choose(await source.list(), { named, all })
      if (!noStream && !noReset && out.isTerminal) out.write(CLEAR_SCREEN)
      before = await show(call, rows, before)
      if (noStream || named && rows.length === 0) return
      try {
        await sleep(interval * 1000, undefined, { signal })
      } catch {
        return // it was interrupted, which is how it ends
      }
    }
  },
})

/** In the order named, else by id; those that are gone by now are left out. */
function choose(rows: readonly Row[], { named, all }: { named: readonly string[] | undefined; all: boolean }): Row[] {
  if (named) return named.flatMap((id) => rows.find((row) => row.id === id) ?? [])
  return rows.filter(({ podId, phase }) => podId === undefined && (all || phase === 'running' || phase === 'paused')).sort((a, b) => Number(a.id > b.id) - Number(a.id < b.id))
}

async function show({ options: { format, noTrunc }, out }: StatsCall, rows: readonly Row[], before: ReadonlyMap<string, Statistics>): Promise<Map<string, Statistics>> {
  const shown = rows.map((row) => ({ id: row.id, name: row.name, now: containerStatistics(row), before: before.get(row.id), truncate: !noTrunc }))
  await printListing(out, { name: 'stats', rows: shown, columns: COLUMNS, view: statsView, json: statsJson, jsonIndent: 1, headings: STATS_HEADINGS, format })
  return new Map(shown.flatMap(({ id, now }) => (now ? [[id, now] as const] : [])))
}
