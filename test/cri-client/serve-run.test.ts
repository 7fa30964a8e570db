// The tests of runs from flags once more, over our own server.
import '../support/jail.ts'

process.env['SCOW_TEST_CRI'] = 'serve'
await import('./run.test.ts')
