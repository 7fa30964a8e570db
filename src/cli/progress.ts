// Live bars on a terminal, one a part. Drawn by hand on standard error: a spinner library costs more than a whole start.
import { humanSize } from './human.ts'
import { writeAll } from '../write-all.ts'

export interface Part {
  readonly label: string
  readonly doneBytes: number
  readonly totalBytes: number
  /** Such as downloading or done. */
  readonly state: string
}

const REDRAW_MS = 80
const BAR_WIDTH = 30
const STATE_WIDTH = 12

export interface Bars {
  /** Adds or changes a part, by its key. */
  set(key: string, part: Part): void
  /** Draws the last state and leaves it there. */
  end(): void
}

/** A terminal of size 0 does not know its size. */
export function openBars({ columns: width, rows: height, useColor }: { columns: number; rows: number; useColor: boolean }): Bars {
  const columns = width || 80
  const rows = height || 24
  const parts = new Map<string, Part>()
  let drawn = 0
  let timer: NodeJS.Timeout | undefined
  const draw = (): void => {
    timer = undefined
    // what does not fit above the bottom line cannot be redrawn
    const lines = [...parts.values()].slice(-(rows - 2)).map((part) => line(part, { columns, useColor }))
    writeAll(2, `${drawn > 0 ? `\x1b[${drawn}A` : ''}${lines.map((text) => `\x1b[2K${text}\n`).join('')}`)
    drawn = lines.length
  }
  return {
    set(key, part) {
      parts.set(key, part)
      timer ??= setTimeout(draw, REDRAW_MS)
    },
    end() {
      clearTimeout(timer)
      if (parts.size > 0) draw()
    },
  }
}

function line({ label, doneBytes, totalBytes, state }: Part, { columns, useColor }: { columns: number; useColor: boolean }): string {
  const share = state === 'done' || state === 'exists' ? 1 : totalBytes > 0 ? Math.min(1, doneBytes / totalBytes) : 0
  const filled = Math.round(share * BAR_WIDTH)
  const bar = '#'.repeat(filled) + '-'.repeat(BAR_WIDTH - filled)
  const shown = useColor && share === 1 ? `\x1b[32m${bar}\x1b[0m` : bar
  const text = `${label} ${state.padEnd(STATE_WIDTH)} [${shown}] ${humanSize(doneBytes)} / ${humanSize(totalBytes)}`
  return text.length - (shown.length - bar.length) > columns ? `${label} ${state}` : text
}
