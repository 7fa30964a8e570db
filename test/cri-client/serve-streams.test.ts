// The tests of streams once more, over our own server.
import '../support/jail.ts'

process.env['SCOW_TEST_CRI'] = 'serve'
await import('./streams.test.ts')
