import { flag, text } from '../../cli/option.ts'
import { isJsonFormat, printJson, renderOne } from '../../cli/report.ts'
import { struct } from '../../cli/template/values.ts'
import { defineCommand } from '../command.ts'
import { programVersion } from './program-version.ts'

const ARCHITECTURES: Readonly<Record<string, string>> = { x64: 'amd64', arm64: 'arm64' }

export const spec = defineCommand({
  name: 'version',
  summary: 'Show the version',
  options: { format: text('-f, --format <template>', 'json, or a Go template'), short: flag('--short', 'One line') },
  examples: ['version', 'version --format "{{.Client.Version}}"'],
  async run({ options, out }) {
    const version = programVersion()
    if (options.short) return out.line(`scow version ${version}`)
    const osArch = `linux/${ARCHITECTURES[process.arch] ?? process.arch}`
    const client = struct('define.Version', {
      APIVersion: version, Version: version, GoVersion: '', NodeVersion: process.version, GitCommit: '', BuiltTime: '', Built: 0, OsArch: osArch, Os: 'linux',
    })
    const { format } = options
    if (format !== undefined && isJsonFormat(format)) return printJson(out, { Client: client }, 2)
    if (format !== undefined) return out.write(await renderOne('version', format.replace(/^table\s+/, ''), struct('define.SystemVersionReport', { Client: client, Server: null, ...client })))
    for (const [name, value] of [['Client:', 'scow'], ['Version:', version], ['API Version:', version], ['Node Version:', process.version], ['OS/Arch:', osArch]]) out.line(`${name!.padEnd(14)}${value}`)
  },
})
