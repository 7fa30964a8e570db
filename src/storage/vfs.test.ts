import { testDriver } from './driver-suite.ts'

testDriver('vfs')
testDriver('vfs', 'names')
