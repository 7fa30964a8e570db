import { flag, list, refused, text } from '../../cli/option.ts'
import { pullAllTags, pullImage } from '../../engine/pull-image.ts'
import { Failure } from '../../errors.ts'
import { defineCommand } from '../command.ts'
import { codeOf, forEach } from '../each.ts'
import { parsePullPolicy } from '../container/request/settings.ts'
import { platformText } from './platform-text.ts'
import { accessOptions, platformOptions, toAccess } from './pull-options.ts'
import { showPull } from './show-pull.ts'

export const spec = defineCommand({
  name: 'pull',
  summary: 'Pull images from a registry',
  args: [{ name: 'image', arity: 'some', complete: 'image' }],
  options: {
    ...accessOptions, ...platformOptions,
    allTags: flag('-a, --all-tags', 'Pull every tag of the repository'),
    decryptionKey: refused(list('--decryption-key <key>', 'Key of an encrypted image'), 'encrypted images come later'),
    policy: text('--policy <policy>', 'always, missing, never or newer (default always)'),
    quiet: flag('-q, --quiet', 'Print the id only'),
  },
  examples: ['pull debian:12', 'pull --platform linux/arm64 busybox', 'pull -q localhost:5000/web:1'],
  async run({ args, options, given, out, engine: open, interrupt }) {
    const policy = parsePullPolicy(options.policy, 'always', '--policy')
    const platform = platformText(options)
    if (options.allTags && args.some((name) => /:[^/]+$|@/.test(name))) throw new Failure('invalid', '--all-tags needs a name without tag and digest')
    const engine = await open()
    const access = toAccess(options, given)
    const failed = await forEach({
      items: args, out,
      act: async (reference) => {
        const shown = showPull(out, options.quiet)
        const request = { reference, policy, access, signal: interrupt.signal, ...(platform === undefined ? {} : { platform }), ...(shown.onProgress ? { onProgress: shown.onProgress } : {}) }
        try {
          const images = options.allTags ? await pullAllTags(engine, request) : [await pullImage(engine, request)]
          shown.end()
          for (const { id } of images) out.line(id)
        } catch (error) {
          shown.end()
          throw error
        }
      },
    })
    return codeOf(failed)
  },
})
