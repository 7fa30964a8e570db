// Every command that looks into a CRI runtime, by its file: they share one bundle.
import type { AnyCommand } from '../../cli/command.ts'
import { spec as criCheckpoint } from './checkpoint.ts'
import { spec as criCreate } from './create.ts'
import { spec as criImagefsinfo } from './imagefsinfo.ts'
import { spec as criImages } from './images.ts'
import { spec as criInfo } from './info.ts'
import { spec as criInspect } from './inspect.ts'
import { spec as criInspecti } from './inspecti.ts'
import { spec as criInspectp } from './inspectp.ts'
import { spec as criPods } from './pods.ts'
import { spec as criPs } from './ps.ts'
import { spec as criPull } from './pull.ts'
import { spec as criRm } from './rm.ts'
import { spec as criRmi } from './rmi.ts'
import { spec as criRmp } from './rmp.ts'
import { spec as criRunp } from './runp.ts'
import { spec as criRuntimeConfig } from './runtime-config.ts'
import { spec as criStart } from './start.ts'
import { spec as criStop } from './stop.ts'
import { spec as criStopp } from './stopp.ts'
import { spec as criUpdate } from './update.ts'
import { spec as criUpdateRuntimeConfig } from './update-runtime-config.ts'
import { spec as criVersion } from './version.ts'

export const CRI: Readonly<Record<string, AnyCommand>> = {
  'cri/checkpoint': criCheckpoint,
  'cri/create': criCreate,
  'cri/imagefsinfo': criImagefsinfo,
  'cri/images': criImages,
  'cri/info': criInfo,
  'cri/inspect': criInspect,
  'cri/inspecti': criInspecti,
  'cri/inspectp': criInspectp,
  'cri/pods': criPods,
  'cri/ps': criPs,
  'cri/pull': criPull,
  'cri/rm': criRm,
  'cri/rmi': criRmi,
  'cri/rmp': criRmp,
  'cri/runp': criRunp,
  'cri/runtime-config': criRuntimeConfig,
  'cri/start': criStart,
  'cri/stop': criStop,
  'cri/stopp': criStopp,
  'cri/update': criUpdate,
  'cri/update-runtime-config': criUpdateRuntimeConfig,
  'cri/version': criVersion,
}
