// The tests of scripts once more, over our own server.
import '../support/jail.ts'

process.env['SCOW_TEST_CRI'] = 'serve'
await import('./scripts.test.ts')
