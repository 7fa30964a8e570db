import { testDriver } from './driver-suite.ts'

testDriver('overlay')
