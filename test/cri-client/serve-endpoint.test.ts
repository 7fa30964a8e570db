// The tests of the one grammar once more, over our own server.
import '../support/jail.ts'

process.env['SCOW_TEST_CRI'] = 'serve'
await import('./endpoint.test.ts')
