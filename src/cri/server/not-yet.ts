import { Failure } from '../../errors.ts'
import { unary, type Wrapped } from './rpc.ts'

/** UNIMPLEMENTED, which clients take as "this runtime cannot". */
export const notYet: Wrapped = (server, name) => unary(async () => { throw new Failure('unsupported', `${name} is not implemented`) }, { fromPartial: () => undefined })(server, name)
