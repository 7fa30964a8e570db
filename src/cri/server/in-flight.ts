import type { Server } from './server.ts'

/** Runs `make`, or joins the run that is under way for the same name. It goes on when its caller is gone: the retry wants its result. */
export function joined({ inFlight }: Pick<Server, 'inFlight'>, name: string, make: () => Promise<string>): Promise<string> {
  const running = inFlight.get(name)
  if (running) return running
  const started = make().finally(() => inFlight.delete(name))
  inFlight.set(name, started)
  return started
}
