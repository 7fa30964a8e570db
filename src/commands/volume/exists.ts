import { defineCommand } from '../command.ts'

export const spec = defineCommand({
  name: 'exists',
  summary: 'Say by the exit code whether a volume exists: 0 yes, 1 no',
  args: [{ name: 'volume', arity: 'one', complete: 'volume' }],
  options: {},
  examples: ['volume exists data'],
  run: async ({ args, engine }) => ((await (await engine()).state.volumes.get(args[0]!)) ? 0 : 1),
})
