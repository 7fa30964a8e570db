import type { FilesystemUsage } from '../../cri/wire/generated/runtime-v1.ts'
import { defineCri, openImages } from './command.ts'
import { inspectOutput, template } from './options.ts'
import { printJson, usageSize } from './print.ts'

export const spec = defineCri({
  name: 'imagefsinfo',
  summary: 'Show the use of the file systems of images and containers',
  options: { output: inspectOutput, template },
  async run(call) {
    const { options, out } = call
    const [{ inspected }, { toJson }, { ImageServiceService: Images }, connection] = await Promise.all([
      import('../../cri/client/inspected.ts'), import('../../cri/client/protojson.ts'), import('../../cri/wire/generated/runtime-v1.ts'), openImages(call),
    ])
    const answer = await connection.call(Images.imageFsInfo, {})
    if (options.output === 'table') return out.write(tableOf('Container', answer.containerFilesystems) + tableOf('Image', answer.imageFilesystems))
    await printJson(out, inspected(toJson(answer), {}), options)
  },
})

const tableOf = (title: string, systems: readonly FilesystemUsage[]): string => [`${title} Filesystem `, ...systems.flatMap((usage, at) => [
  `TimeStamp[${at}]: ${usage.timestamp}`, `Disk[${at}]: ${usageSize(usage.usedBytes?.value ?? 0n)}`, `Inodes[${at}]: ${usage.inodesUsed?.value ?? 0n}`, `Mountpoint[${at}]: ${usage.fsId?.mountpoint ?? ''}`,
]), ''].join('\n')
