import { isatty } from 'node:tty'
import { Failure } from '../../errors.ts'

const MOST_ASKED = 3

/** What `pullImage` asks a person with: only where both ends are a terminal, as podman does. */
export const chooseImage = isatty(0) && isatty(1) ? { choose: ask } : {}

/** @throws cancelled when no answer comes */
async function ask(name: string, images: readonly string[]): Promise<number> {
  const { createInterface } = await import('node:readline/promises')
  const reader = createInterface({ input: process.stdin, output: process.stderr })
  const unanswered = new Failure('cancelled', `${name}: no image was chosen`, { hint: `write the registry too: ${images.slice(0, 5).join(' or ')}` })
  const closed = new Promise<never>((_, reject) => reader.once('close', () => reject(unanswered)))
  closed.catch(() => {})
  try {
    const list = images.map((image, index) => `  ${index + 1}) ${image}\n`).join('')
    for (let asked = 0; asked < MOST_ASKED; asked++) {
      const answer = (await Promise.race([reader.question(`${asked === 0 ? `"${name}" may be\n${list}` : ''}Which one? [1-${images.length}] `), closed])).trim()
      const index = images.indexOf(answer)
      if (index !== -1) return index
      if (/^\d{1,4}$/.test(answer) && Number(answer) >= 1 && Number(answer) <= images.length) return Number(answer) - 1
    }
    throw unanswered
  } finally {
    reader.close()
  }
}
