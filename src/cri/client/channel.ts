/** What one side pushes and the other iterates; a push resolves when the one before it was taken. */
export interface Channel<T> {
  readonly push: (item: T) => Promise<void>
  readonly end: () => void
  readonly fail: (error: unknown) => void
  readonly items: AsyncGenerator<T>
}

export function makeChannel<T>(): Channel<T> {
  const waiting: T[] = []
  let ending: { readonly error?: unknown } | undefined
  let isAbandoned = false
  let wakeReader = (): void => {}
  let wakeWriter = (): void => {}
  const finish = (with_: { readonly error?: unknown }): void => { ending ??= with_; wakeReader() }
  async function* iterate(): AsyncGenerator<T> {
    try {
      for (;;) {
        const [item] = waiting.splice(0, 1)
        wakeWriter()
        if (item !== undefined) yield item
        else if (ending) {
          if ('error' in ending) throw ending.error
          return
        } else await new Promise<void>((resolve) => { wakeReader = resolve })
      }
    } finally {
      isAbandoned = true
      wakeWriter()
    }
  }
  return {
    async push(item) {
      if (isAbandoned) return
      waiting.push(item)
      wakeReader()
      while (waiting.length > 1 && !isAbandoned) await new Promise<void>((resolve) => { wakeWriter = resolve })
    },
    end: () => finish({}),
    fail: (error) => finish({ error }),
    items: iterate(),
  }
}
