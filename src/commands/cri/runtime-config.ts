import { defineCri, openCri } from './command.ts'

/** By CgroupDriver. */
const DRIVERS = ['SYSTEMD', 'CGROUPFS']

export const spec = defineCri({
  name: 'runtime-config',
  summary: 'Show what the runtime tells the kubelet to use: its cgroup driver',
  options: {},
  async run(call) {
    const [{ RuntimeServiceService: Runtime }, { runtime }] = await Promise.all([import('../../cri/wire/generated/runtime-v1.ts'), openCri(call)])
    const { linux } = await runtime.call(Runtime.runtimeConfig, {})
    if (linux) call.out.line(`cgroup driver:   ${DRIVERS[linux.cgroupDriver] ?? linux.cgroupDriver}`)
  },
})
