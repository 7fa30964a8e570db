// A pull as the user sees it: bars on a terminal, lines elsewhere, nothing with --quiet.
import { openBars, type Bars } from '../../cli/progress.ts'
import type { Output } from '../../cli/output.ts'
import { pullLine, type PullEvent } from '../../engine/pull-events.ts'

const SHORT_DIGEST = 19

export interface ShownPull {
  readonly onProgress?: (event: PullEvent) => void
  readonly end: () => void
}

export function showPull(out: Output, quiet: boolean): ShownPull {
  if (quiet) return { end: () => {} }
  if (!process.stderr.isTTY) return { onProgress: (event) => { const text = pullLine(event); if (text !== undefined) out.note(text) }, end: () => {} }
  let bars: Bars | undefined
  return {
    onProgress: (event) => {
      if (event.kind === 'source') out.note(pullLine(event)!)
      if (event.kind !== 'layer') return
      bars ??= openBars({ columns: process.stderr.columns, rows: process.stderr.rows, useColor: out.useColor })
      bars.set(event.digest, { label: event.digest.slice('sha256:'.length, SHORT_DIGEST), doneBytes: event.doneBytes, totalBytes: event.totalBytes, state: event.state })
    },
    end: () => bars?.end(),
  }
}
