// Where each command's file is and under which names it is called. Plain data: `main` finds a command's own chunk
// here without loading any other.

export interface Mount {
  /** Under src/commands, without `.ts`. */
  readonly file: string
  /** Every way to call it; the first is the one that is shown. */
  readonly names: readonly string[]
}

const mount = (file: string, ...names: string[]): Mount => ({ file, names })
/** At the top and below its object: `rm` and `container rm`. */
const both = (verb: string, ...more: string[]): Mount => mount(`container/${verb}`, verb, `container ${verb}`, ...more)

/** Below `cri`, with crictl's other names of it. */
const cri = (verb: string, ...more: string[]): Mount => mount(`cri/${verb}`, ...[verb, ...more].map((name) => `cri ${name}`))

export const MOUNTS: readonly Mount[] = [
  both('run'), both('create'), both('start'), both('stop'), both('restart'), both('kill'),
  both('rm', 'container remove'), both('logs'), both('exec'), both('attach'), both('wait'), both('pause'), both('unpause'),
  both('rename'), both('port'), both('top'), both('stats'), both('cp'),
  mount('container/ps', 'ps', 'container ls', 'container ps', 'container list'),
  mount('container/inspect', 'container inspect'),
  mount('container/exists', 'container exists'),
  mount('container/prune', 'container prune'),
  mount('container/cleanup', 'container cleanup'),
  mount('system/inspect', 'inspect'),
  mount('image/pull', 'pull', 'image pull'),
  mount('image/images', 'images', 'image ls', 'image list'),
  mount('image/rmi', 'rmi', 'image rm', 'image remove'),
  mount('image/tag', 'tag', 'image tag'),
  mount('image/untag', 'untag', 'image untag'),
  mount('image/inspect', 'image inspect'),
  mount('image/save', 'save', 'image save'),
  mount('image/load', 'load', 'image load'),
  mount('image/exists', 'image exists'),
  mount('image/prune', 'image prune'),
  mount('pod/ps', 'pod ps', 'pod ls', 'pod list'),
  mount('network/create', 'network create'),
  mount('network/ls', 'network ls', 'network list'),
  mount('network/inspect', 'network inspect'),
  mount('network/rm', 'network rm', 'network remove'),
  mount('network/exists', 'network exists'),
  mount('network/prune', 'network prune'),
  mount('volume/create', 'volume create'),
  mount('volume/ls', 'volume ls', 'volume list'),
  mount('volume/inspect', 'volume inspect'),
  mount('volume/rm', 'volume rm', 'volume remove'),
  mount('volume/exists', 'volume exists'),
  mount('volume/prune', 'volume prune'),
  cri('attach'), cri('checkpoint'), cri('config'), cri('cp'), cri('create'), cri('events', 'event'), cri('exec'), cri('imagefsinfo'),
  cri('images', 'image', 'img'), cri('info'), cri('inspect'), cri('inspecti'), cri('inspectp'), cri('load'), cri('logs'), cri('metricdescs'),
  cri('metricsp'), cri('pods'), cri('port-forward'), cri('ps'), cri('pull'), cri('rm'), cri('rmi'), cri('rmp'), cri('run'), cri('runp'),
  cri('runtime-config'), cri('save'), cri('start'), cri('stats'), cri('statsp'), cri('stop'), cri('stopp'), cri('top'), cri('trace'), cri('update'),
  cri('update-runtime-config'), cri('version'), cri('wait'), cri('why'),
  mount('system/info', 'info', 'system info'),
  mount('system/version', 'version'),
  mount('system/events', 'events', 'system events'),
  mount('system/serve', 'serve', 'system serve'),
  mount('system/doctor', 'doctor', 'system doctor'),
  mount('system/completion', 'completion'),
  mount('system/complete', '__complete'),
  mount('system/help', 'help'),
]

export const GROUPS: Readonly<Record<string, string>> = {
  container: 'Manage containers',
  image: 'Manage images',
  pod: 'Look at pods',
  network: 'Manage networks',
  volume: 'Manage volumes',
  cri: 'Look into any CRI runtime, as crictl does',
  system: 'Look at the whole of it',
}

/** The bundle `dist/command-<object>-<verb>.cjs` of a command; those of the CRI share one. */
export const chunkName = (file: string): string => `command-${file.replace('/', '-')}`
