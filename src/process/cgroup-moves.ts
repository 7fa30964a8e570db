import { keepMovesReady } from '../sys/addon.ts'

/** A runtime has moved its process by then, where processors are free. */
const CREATION_MS = 60

/** A runtime is about to be started, which moves what it makes to another cgroup: the kernel's wait for that begins now. */
export const expectCgroupMoves = (): void => keepMovesReady(CREATION_MS)
