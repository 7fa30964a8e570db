import { flag, text } from '../../cli/option.ts'
import { isTerminal } from '../../cli/output.ts'
import { loadImages } from '../../engine/load-images.ts'
import { Failure } from '../../errors.ts'
import { defineCommand } from '../command.ts'
import { showPull } from './show-pull.ts'

export const spec = defineCommand({
  name: 'load',
  summary: 'Load images from an archive',
  description: 'Load every image of an archive (docker-archive, oci-archive) or a directory (oci-dir, docker-dir), compressed or not.',
  options: {
    input: text('-i, --input <file>', 'Archive or directory; standard input unless given', { complete: 'file' }),
    quiet: flag('-q, --quiet', 'Show no progress'),
  },
  examples: ['load -i busybox.tar', 'load < busybox.tar.gz'],
  async run({ options, out, engine: open, interrupt }) {
    if (options.input === undefined && isTerminal(0)) throw new Failure('invalid', 'an archive cannot be read from a terminal', { hint: 'use --input, or redirect the input' })
    if (options.input === '') throw new Failure('invalid', '--input is empty', { hint: 'leave it out to read standard input' })
    const engine = await open()
    const shown = showPull(out, options.quiet)
    try {
      const loaded = await loadImages(engine, { from: options.input ?? process.stdin, signal: interrupt.signal, ...(shown.onProgress ? { onProgress: shown.onProgress } : {}) })
      shown.end()
      for (const { image, names } of loaded) for (const name of names.length > 0 ? names : [`sha256:${image.id}`]) out.line(`Loaded image: ${name}`)
    } catch (error) {
      shown.end()
      throw error
    }
  },
})
