// The tests of copies once more, over our own server.
import '../support/jail.ts'

process.env['SCOW_TEST_CRI'] = 'serve'
await import('./copy.test.ts')
