import { flag, text } from '../../cli/option.ts'
import { isJsonFormat, printJson, renderOne } from '../../cli/report.ts'
import { struct } from '../../cli/template/values.ts'
import { endpointOf } from '../backend.ts'
import { defineCommand } from '../command.ts'
import { programVersion } from './program-version.ts'

const ARCHITECTURES: Readonly<Record<string, string>> = { x64: 'amd64', arm64: 'arm64' }

/** Whose grammar and output those of the name crictl are. */
const CRICTL_VERSION = 'v1.36.0'

export const spec = defineCommand({
  name: 'version',
  summary: 'Show the version',
  options: { format: text('-f, --format <template>', 'json, or a Go template'), short: flag('--short', 'One line') },
  examples: ['version', 'version --format "{{.Client.Version}}"'],
  async run(call) {
    const { options, out } = call
    const version = programVersion()
    if (options.short) return out.line(call.globals.get('--called') === 'crictl' ? `crictl version ${CRICTL_VERSION}` : `scow version ${version}`)
    const osArch = `linux/${ARCHITECTURES[process.arch] ?? process.arch}`
    const client = struct('define.Version', {
      APIVersion: version, Version: version, GoVersion: '', NodeVersion: process.version, GitCommit: '', BuiltTime: '', Built: 0, OsArch: osArch, Os: 'linux',
    })
    const { format } = options
    const endpoint = endpointOf(call)
    const told = endpoint === undefined ? undefined : await (await import('../remote/open-remote.ts')).remoteVersion(call, endpoint)
    const server = told && struct('define.Version', { APIVersion: told.runtimeApiVersion, Version: told.runtimeVersion, RuntimeName: told.runtimeName, GoVersion: '', GitCommit: '', BuiltTime: '', Built: 0, OsArch: '', Os: 'linux' })
    if (format !== undefined && isJsonFormat(format)) return printJson(out, { Client: client, ...(server ? { Server: server } : {}) }, 2)
    // Without a server its fields are the client's, as with podman.
    const asked = (server ? format : format?.replaceAll('.Server.', '.Client.'))?.replace(/^table\s+/, '')
    if (asked !== undefined) return out.write(await renderOne('version', asked, struct('define.SystemVersionReport', { Client: client, Server: server ?? null, ...client })))
    for (const [name, value] of [['Client:', 'scow'], ['Version:', version], ['API Version:', version], ['Node Version:', process.version], ['OS/Arch:', osArch]]) out.line(`${name!.padEnd(14)}${value}`)
    if (told) for (const [name, value] of [['', ''], ['Server:', told.runtimeName], ['Version:', told.runtimeVersion], ['API Version:', told.runtimeApiVersion]]) out.line(`${name!.padEnd(14)}${value}`.trimEnd())
  },
})
