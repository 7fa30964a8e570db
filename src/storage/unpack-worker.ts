// A thread that unpacks one blob after the other. It reads the blob's file itself; only its growth is told.
import { constants, getPriority, setPriority } from 'node:os'
import { parentPort, workerData } from 'node:worker_threads'
import { Failure, isFailure } from '../errors.ts'
import { GrowingFile } from './growing-file.ts'
import { unpack, type UnpackJob } from './unpack.ts'
import type { UnpackerSetup, WorkerAnswer } from './unpackers.ts'

interface Message {
  readonly job?: UnpackJob
  readonly grow?: number
  readonly end?: boolean
  readonly abort?: boolean
}

let file: GrowingFile | undefined

const { nicer } = workerData as UnpackerSetup
// On Linux of this thread alone.
if (nicer > 0) setPriority(Math.min(getPriority() + nicer, constants.priority.PRIORITY_LOW))

parentPort?.on('message', (message: Message) => {
  if (message.job !== undefined) void run(message.job)
  else if (message.grow !== undefined) file?.grow(message.grow)
  else if (message.end === true) file?.end()
  else file?.abort(new Failure('cancelled', 'cancelled'))
})

async function run(job: UnpackJob): Promise<void> {
  file = new GrowingFile(job.file)
  const answer = await unpack(job, file).then((unpacked): WorkerAnswer => ({ unpacked }), answerFor)
  file = undefined
  parentPort?.postMessage(answer)
}

const answerFor = (error: unknown): WorkerAnswer =>
  isFailure(error) ? { failure: { kind: error.kind, message: error.message, hint: error.hint } } : { error }
