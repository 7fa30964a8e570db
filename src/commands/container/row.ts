// A container as a listing has it.
import type { Engine } from '../../engine/engine.ts'

export type Row = Awaited<ReturnType<Engine['state']['containers']['list']>>[number]
export type Container = Awaited<ReturnType<Engine['state']['containers']['find']>>
export type Status = Row['status']
