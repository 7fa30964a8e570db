import { flag, integer, list, text } from '../../cli/option.ts'
import { createVolume } from '../../engine/create-volume.ts'
import { defineCommand } from '../command.ts'
import { parseLabels } from '../container/request/pairs.ts'

export const spec = defineCommand({
  name: 'create',
  summary: 'Make a volume',
  args: [{ name: 'name', arity: 'optional' }],
  options: {
    driver: text('-d, --driver <driver>', 'Only local'),
    gid: integer('--gid <gid>', 'Group that owns it'),
    ignore: flag('--ignore', 'One of that name is no error'),
    label: list('-l, --label <key=value>', 'Set a label'),
    opt: list('-o, --opt <name=value>', 'type, device and o of a mount; nocopy'),
    uid: integer('--uid <uid>', 'User that owns it'),
  },
  examples: ['volume create data', 'volume create -o type=tmpfs -o device=tmpfs -o o=size=10m scratch'],
  async run({ args, options, out, engine: open }) {
    const request = {
      ...(args[0] === undefined ? {} : { name: args[0] }), ...(options.driver === undefined ? {} : { driver: options.driver }), labels: Object.fromEntries(parseLabels(options.label)),
      options: Object.fromEntries(parseLabels(options.opt, '--opt')), ...(options.uid === undefined ? {} : { uid: options.uid }), ...(options.gid === undefined ? {} : { gid: options.gid }), ignoreExisting: options.ignore,
    }
    out.line((await createVolume(await open(), request)).name)
  },
})
