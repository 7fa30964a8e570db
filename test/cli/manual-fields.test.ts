// Every field that a man page names is known to the templates of its command.
import '../support/jail.ts'
import test from 'node:test'
import { LISTINGS } from '../../src/commands/manual/listings.ts'
import { openBox } from '../support/box.ts'
import { openSuite } from '../support/suite.ts'

const suite = openSuite()

test('templates know the fields of the man pages', async (t) => {
  const box = await openBox(t)
  await box.ok('create', '--name', 'shown', '-v', 'data:/data', suite.busybox, 'true')
  const scope: Readonly<Record<string, readonly string[]>> = { ps: ['--all'], stats: ['--all', '--no-stream'], events: ['--stream=false', '--since', '1h'] }
  for (const [name, sections] of Object.entries(LISTINGS)) {
    const template = sections.flatMap(({ fields = [] }) => fields.map((field) => `{{.${field}}}`)).join(' ')
    if (template !== '') await box.ok(...name.split(' '), ...(scope[name] ?? []), '--format', template)
  }
})
