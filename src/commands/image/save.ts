import { flag, oneOf, text } from '../../cli/option.ts'
import { isTerminal } from '../../cli/output.ts'
import { writeAll } from '../../write-all.ts'
import { imagesToSave, saveImages } from '../../engine/save-images.ts'
import { ARCHIVE_FORMATS } from '../../engine/write-image-archive.ts'
import { Failure } from '../../errors.ts'
import { defineCommand } from '../command.ts'

export const spec = defineCommand({
  name: 'save',
  summary: 'Save images to an archive',
  description: 'Save an image to an archive or a directory; further arguments are more names of it, or more images with --multi-image-archive.',
  args: [{ name: 'image', arity: 'some', complete: 'image' }],
  options: {
    compress: flag('--compress', 'docker-dir only: accepted for compatibility, layers stay as they came'),
    format: oneOf('--format <format>', 'docker-archive, oci-archive, oci-dir or docker-dir', ARCHIVE_FORMATS),
    multiImageArchive: flag('-m, --multi-image-archive', 'Every argument is an image of its own'),
    output: text('-o, --output <file>', 'File or directory to write; standard output unless given', { complete: 'file' }),
    quiet: flag('-q, --quiet', 'Accepted for compatibility'),
    uncompressed: flag('--uncompressed', 'Accepted for compatibility: layers stay as they came'),
  },
  examples: ['save -o busybox.tar busybox', 'save --format oci-archive -o busybox.tar busybox', 'save -m a b | gzip > both.tar.gz'],
  async run({ args, options, engine: open }) {
    const { output } = options
    if (output === undefined && isTerminal(1)) throw new Failure('invalid', 'an archive is not written to a terminal', { hint: 'use --output, or redirect the output' })
    const images = await imagesToSave(await open(), args, { several: options.multiImageArchive })
    await saveImages({ images, format: options.format ?? 'docker-archive', output, write: (bytes) => writeAll(1, bytes) })
  },
})
