// The pipe on which a monitor reports: lines of JSON (conmon 2.1, sync pipe and attach pipe).
import { closeSync } from 'node:fs'
import { drain } from '../process/child.ts'
import { pipe } from '../sys/addon.ts'

export interface Message {
  /** Pid, exit code, or a negative number with an error. */
  readonly data: number
  readonly message: string
}

export interface MessagePipe {
  /** The end for the monitor; closed by `handedOn`. */
  readonly childFd: number
  handedOn(): void
  /** Undefined when the monitor has closed it. */
  next(): Promise<Message | undefined>
  close(): void
}

const MAX_LINE = 1 << 20

export const openMessagePipe = (): MessagePipe => {
  const { read, write } = pipe('read')
  const messages: Message[] = []
  const waiting: ((message: Message | undefined) => void)[] = []
  let text = ''
  let over = false
  let childOpen = true
  const { done, stop } = drain(read, (chunk) => {
    text += chunk.toString('latin1')
    for (let end = text.indexOf('\n'); end >= 0; end = text.indexOf('\n')) {
      deliver(parseMessage(text.slice(0, end)))
      text = text.slice(end + 1)
    }
    return text.length < MAX_LINE
  })
  const deliver = (message: Message): void => {
    const taker = waiting.shift()
    if (taker) taker(message)
    else messages.push(message)
  }
  void done.then(() => {
    over = true
    for (const taker of waiting.splice(0)) taker(undefined)
  })
  const handedOn = (): void => {
    if (childOpen) closeSync(write)
    childOpen = false
  }
  return {
    childFd: write, handedOn,
    next: () => messages.length > 0 || over ? Promise.resolve(messages.shift()) : new Promise((resolve) => waiting.push(resolve)),
    close: () => {
      handedOn()
      stop()
    },
  }
}

/** Older callers' keys are understood too: `pid` and `exit_code` for `data`. */
const parseMessage = (line: string): Message => {
  const text = Buffer.from(line, 'latin1').toString()
  let value: Readonly<Record<string, unknown>> | undefined
  try {
    value = JSON.parse(text) as Readonly<Record<string, unknown>>
  } catch {
    value = undefined
  }
  const data = value?.['data'] ?? value?.['pid'] ?? value?.['exit_code']
  if (typeof data !== 'number') return { data: -1, message: `the monitor reported something unexpected: ${text.slice(0, 200)}` }
  return { data, message: typeof value?.['message'] === 'string' ? value['message'] : '' }
}
