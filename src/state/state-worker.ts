// The thread that has a server's writing connection. While another process writes, a call waits by a timer: others go on.
import { answerCalls, threadData } from '../off-thread.ts'
import { openDatabase } from './database.ts'
import { patiently } from './patience.ts'
import { runCall, type StateCall } from './state.ts'

const connection = openDatabase((threadData() as { file: string }).file, { waits: false })

answerCalls(
  (name, [call]) => patiently(() => (name === 'checkpoint' ? connection.checkpoint() : runCall(connection, call as StateCall))),
  () => connection.close(),
)
