import { flag, oneOf } from '../../cli/option.ts'
import { defineCri, openCri } from './command.ts'
import { printJson } from './print.ts'

export const spec = defineCri({
  name: 'why',
  summary: 'Show what is behind the failure of a pod or a container, and what to try',
  description: 'Show on one screen how a container ended or what a pod waits for: exit code, signal, memory, mounts, network, image, last lines of the log, and what to try.',
  args: [{ name: 'pod-or-container', arity: 'one' }],
  options: {
    output: oneOf('-o, --output <format>', 'json or yaml', ['json', 'yaml']),
    pull: flag('--pull', 'Of an image: pull it, to see why it cannot be pulled'),
  },
  examples: ['cri why 1f73f2d81bf98', 'cri why nginx', 'cri why --pull registry.example.com/app:1'],
  async run(call) {
    const { args, options, out } = call
    const [{ explain, explainPull }, cri] = await Promise.all([import('../../cri/client/why.ts'), openCri(call)])
    const { findings, advice } = options.pull ? await explainPull(await cri.images(), args[0]!) : await explain(cri.runtime, await cri.images(), args[0]!)
    if (options.output !== undefined) return printJson(out, { findings: findings.map(({ title, lines }) => ({ title, lines: [...lines] })), advice: [...advice] }, options)
    for (const { title, lines } of findings) out.write(`${title}\n${lines.map((line) => `  ${line}\n`).join('')}`)
    if (advice.length) out.write(`What to try\n${advice.map((line) => `  - ${line}\n`).join('')}`)
  },
})
