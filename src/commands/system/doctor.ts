import { flag, text } from '../../cli/option.ts'
import { isJsonFormat, printJson, renderOne } from '../../cli/report.ts'
import { struct } from '../../cli/template/values.ts'
import { examineHost, type Finding } from '../../engine/examine-host.ts'
import { defineCommand } from '../command.ts'

export const spec = defineCommand({
  name: 'doctor',
  summary: 'Say what this host has, what it lacks, and how to mend it',
  description: 'Look at everything that containers need of this host. The exit code is 1 when something is missing that containers cannot do without.',
  options: { format: text('-f, --format <template>', 'json, or a Go template for each finding'), quiet: flag('-q, --quiet', 'Show only what is not well') },
  examples: ['doctor', 'doctor --format json'],
  async run({ options, out, engine: open }) {
    const findings = (await examineHost(await open())).filter(({ verdict }) => !options.quiet || verdict !== 'ok')
    const views = findings.map(({ subject, verdict, detail, remedy = '' }) =>
      struct('doctor.Finding', { Subject: subject, Verdict: verdict, Detail: detail, Remedy: remedy }, { Subject: 'subject', Verdict: 'verdict', Detail: 'detail', Remedy: 'remedy' }))
    const { format } = options
    if (format !== undefined && isJsonFormat(format)) printJson(out, views, 2)
    else if (format !== undefined) for (const view of views) out.write(await renderOne('doctor', format, view))
    else out.write(await drawn(findings, out.useColor))
    return findings.some(({ verdict }) => verdict === 'problem') ? 1 : 0
  },
})

async function drawn(findings: readonly Finding[], useColor: boolean): Promise<string> {
  if (findings.length === 0) return ''
  const { findingsTable } = await import('../../cli/findings-table.ts')
  return findingsTable(findings, useColor)
}
