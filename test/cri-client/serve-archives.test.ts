// The tests of archives once more, over our own server.
import '../support/jail.ts'

process.env['SCOW_TEST_CRI'] = 'serve'
await import('./archives.test.ts')
