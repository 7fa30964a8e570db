import { Failure } from '../../errors.ts'
import { unary, type Wrapped } from './rpc.ts'

/** UNIMPLEMENTED, which clients take as "this runtime cannot": unary or streaming alike. */
export const notYet: Wrapped = (server, name) => (call: any, reply?: any) => { // as the two shapes of gRPC handlers have nothing in common
  const failure = new Failure('unsupported', `${name} is not implemented`)
  if (reply) return (unary(async () => { throw failure }, { fromPartial: () => undefined })(server, name) as (call: unknown, reply: unknown) => void)(call, reply)
  call.emit('error', { code: 12, details: failure.message })
}
