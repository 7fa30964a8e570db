// The thread that has a server's connection. While another process writes, a call waits by a timer: others go on.
import { setTimeout as sleep } from 'node:timers/promises'
import { monotonicMs } from '../clock.ts'
import { answerCalls, threadData } from '../off-thread.ts'
import { BUSY_TIMEOUT_MS, isBusy, openDatabase } from './database.ts'
import { runCall, type StateCall } from './state.ts'

const LONGEST_PAUSE_MS = 25

const connection = openDatabase((threadData() as { file: string }).file, { waits: false })

async function patiently<T>(act: () => T): Promise<T> {
  const deadline = monotonicMs() + BUSY_TIMEOUT_MS
  for (let pauseMs = 1; ; pauseMs = Math.min(pauseMs * 2, LONGEST_PAUSE_MS)) {
    try {
      return act()
    } catch (error) {
      if (!isBusy(error) || monotonicMs() > deadline) throw error
    }
    await sleep(pauseMs)
  }
}

answerCalls(
  (name, [call]) => patiently(() => (name === 'checkpoint' ? connection.checkpoint() : runCall(connection, call as StateCall))),
  () => connection.close(),
)
