import { text } from '../../cli/option.ts'
import { isJsonFormat, printJson, renderOne } from '../../cli/report.ts'
import { toPlain } from '../../cli/template/values.ts'
import { hostInfo } from '../../engine/host-info.ts'
import { openBackend } from '../backend.ts'
import { defineCommand } from '../command.ts'
import { infoView, registriesView } from './info-view.ts'
import { programVersion } from './program-version.ts'

export const spec = defineCommand({
  name: 'info',
  summary: 'Show what this host and this installation are',
  options: { format: text('-f, --format <template>', 'json, or a Go template') },
  examples: ['info', 'info --format "{{.Host.Conmon.Path}}"'],
  async run(call) {
    const { options: { format }, out } = call
    const { info } = await openBackend(call, (engine) => ({
      info: async () => {
        const configured = await (await engine.registry()).configured()
        return infoView(await hostInfo(engine), { version: programVersion(), logDriver: engine.config.containers.logDriver, registries: registriesView(configured) })
      },
    }))
    const view = await info()
    if (format === undefined) return out.write(await asYaml(view))
    if (isJsonFormat(format)) return printJson(out, view, 2)
    out.write(await renderOne('info', format, view))
  },
})

async function asYaml(view: unknown): Promise<string> {
  const { toYaml } = await import('./plain-yaml.ts')
  return toYaml(toPlain(view))
}
