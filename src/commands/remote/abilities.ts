// What each command can do on a CRI runtime (--endpoint), and what to use instead of what it cannot. The errors and the
// list in docs/cri.md derive from this.

export interface Ability {
  /** `local`: it never asks a runtime, so it works whatever the endpoint is. */
  readonly kind: 'yes' | 'no' | 'local'
  /** Of `no`: what to use instead. */
  readonly instead?: string
  /** Options that the CRI cannot express, by their key: what to use instead. */
  readonly without?: Readonly<Record<string, string>>
  /** Where it differs, for the documentation. */
  readonly note?: string
}

const yes = (note?: string, without: Readonly<Record<string, string>> = {}): Ability => ({ kind: 'yes', without, ...(note === undefined ? {} : { note }) })
const no = (instead: string): Ability => ({ kind: 'no', instead })
const each = (keys: string, instead: string): Record<string, string> => Object.fromEntries(keys.split(' ').map((key) => [key, instead]))

const NO_NETWORKS = 'the networks of pods are the CNI configuration of the node, in /etc/cni/net.d'
const NO_VOLUMES = 'the CRI has no volumes: mount a path of the node with run -v /path:/path'
const ITS_OWN = 'use the tool of the runtime itself, such as ctr or podman'
const HERE_ONLY = 'it works on this machine only: drop --endpoint and SCOW_ENDPOINT'

const ACCESS = each('authfile certDir retry retryDelay', 'give --creds, or set it in the configuration of the runtime')
const PLATFORM = each('platform arch os variant', 'the runtime pulls for its own platform: name the image by the digest of the one you want')
const DESCRIPTORS = each('preserveFd preserveFds', 'use standard input, with -i')

/** Of run and create: flags whose subject the CRI's messages lack. */
const NOT_IN_MESSAGES: Readonly<Record<string, string>> = {
  ...ACCESS, ...PLATFORM, ...DESCRIPTORS,
  tlsVerify: 'set it in the configuration of the runtime',
  ...each('tmpfs volumesFrom imageVolume shmSize shmSizeSystemd', 'mount a path of the node with -v'),
  rootfs: 'give an image',
  requires: 'start those yourself before',
  ...each('addHost noHosts hostsFile', 'use --dns, or mount a file with -v /path:/etc/hosts'),
  ...each('networkAlias ip ip6 macAddress', NO_NETWORKS),
  ...each('publishAll expose', 'publish each port with -p'),
  ...each('memoryReservation memorySwappiness oomKillDisable cpuRtPeriod cpuRtRuntime pidsLimit blkioWeight blkioWeightDevice deviceReadBps deviceWriteBps deviceReadIops deviceWriteIops rdtClass', 'use --memory, --cpus, --cpu-shares and --cpuset-cpus, or --cgroup-conf where the node has cgroup v2'),
  ulimit: 'set it in the configuration of the runtime, or with ulimit in the command',
  ...each('cgroups cgroupns uts noHostname', 'the runtime decides it'),
  deviceCgroupRule: 'use --device',
  gpus: 'name the devices of the GPU with --device',
  ...each('umask unsetenv unsetenvAll envMerge', 'do it in the command: sh -c "..."'),
  tz: 'use -e TZ=ZONE',
  ...each('init initPath', 'use --pid pod: the pause process of the pod reaps'),
  ...each('systemd sdnotify personality timeout restart', 'that is for the kubelet, or for systemd on the node'),
  ...each('stopSignal stopTimeout', 'the image says the signal, and scow stop --time how long'),
  ...each('passwd passwdEntry groupEntry', 'use --user with numbers'),
  ...each('logDriver logOpt', 'the CRI has one kind of log: read it with scow logs'),
  ...each('pidfile conmonPidfile', 'scow inspect tells the pid'),
  rmi: 'remove it with scow rmi afterwards',
}

/** By file, as the table of commands names it. */
export const ABILITIES: Readonly<Record<string, Ability>> = {
  'container/run': yes('in a pod of its own, which goes with the container. SIGINT and SIGTERM stop it (`--sig-proxy`), other signals cannot be passed on; with `--read-only` no `/tmp` is writable; `--detach` and `--rm` exclude each other', NOT_IN_MESSAGES),
  'container/create': yes('as `run`', NOT_IN_MESSAGES),
  'container/start': yes('once for each container: the CRI starts none again'),
  'container/stop': yes('after 10 s (`stop_timeout`) it is killed; the pod of a container of `run` goes with `rm`'),
  'container/restart': no('a CRI runtime starts a container once: stop and remove it, and run it anew'),
  'container/kill': yes('with SIGKILL only; another signal: `scow exec CONTAINER kill -HUP 1`'),
  'container/rm': yes('a container of `run` goes with its pod and its log'),
  'container/logs': yes('from the files of the node itself: the CRI gives no logs; elsewhere `--follow` shows what is written from now on'),
  'container/exec': yes(undefined, {
    ...DESCRIPTORS, detach: 'end the command with & inside: exec C sh -c "... &"', detachKeys: 'the process ends with its streams',
    ...each('env envFile', 'use exec CONTAINER env NAME=VALUE COMMAND'), workdir: 'use exec CONTAINER sh -c "cd DIR && COMMAND"',
    user: 'use exec CONTAINER su USER -c COMMAND', privileged: 'it has the rights of the container: run that one with --privileged',
  }),
  'container/attach': yes('signals are not passed on: SIGINT ends `attach` alone'),
  'container/wait': yes(),
  'container/pause': no('the CRI knows no pause: scow stop and scow kill end a container'),
  'container/unpause': no('the CRI knows no pause'),
  'container/rename': no('names are given at creation: scow run --name'),
  'container/port': yes('host ports that the kubelet or `run` noted in the container\'s annotations'),
  'container/cp': yes('containers that run; away from the node through the `tar` of the container'),
  'container/top': yes('on the node itself'),
  'container/stats': no('scow cri stats shows what the runtime measures'),
  'container/ps': yes('every container of the runtime, with `--external` or without', { namespace: 'use top, or inspect for the pid' }),
  'container/inspect': yes('what the CRI and the runtime\'s verbose information tell; the rest is empty'),
  'container/exists': yes(),
  'container/prune': yes('a container of `run` goes with its pod and its log'),
  'container/cleanup': no(HERE_ONLY),
  'system/inspect': yes('containers, images and pods'),
  'image/pull': yes('progress of the whole, not of each layer: `containerd` tells the bytes, of others it is what their images take on the disk', { ...ACCESS, ...PLATFORM, tlsVerify: 'set it in the configuration of the runtime', allTags: 'pull each tag by its name' }),
  'image/images': yes('dates and labels where the runtime tells them (`containerd`, CRI-O and `scow serve` do); the size is what the runtime counts'),
  'image/rmi': yes('an image with several names goes with `--force` only: the CRI removes it with all of them'),
  'image/tag': no(`the CRI gives no names: ${ITS_OWN}`),
  'image/untag': no(`the CRI removes an image with all its names (scow rmi); for one, ${ITS_OWN}`),
  'image/save': no('scow cri save goes past the CRI where the runtime lets it'),
  'image/load': no('scow cri load goes past the CRI where the runtime lets it'),
  'image/inspect': yes('what the CRI and the runtime\'s verbose information tell; the rest is empty'),
  'image/exists': yes(),
  'image/prune': yes('images that the runtime has pinned stay'),
  ...Object.fromEntries(['create', 'ls', 'inspect', 'rm', 'exists', 'prune'].flatMap((verb) => [[`network/${verb}`, no(NO_NETWORKS)], [`volume/${verb}`, no(NO_VOLUMES)]])),
  'pod/ps': yes(),
  'system/info': yes('the node\'s own part where the endpoint is a socket of this machine'),
  'system/version': yes('client and runtime'),
  'system/events': yes('from now on, where the runtime has them (containerd from 1.7 on)', { since: 'the CRI keeps no events: leave it out, and see what comes', stream: 'the CRI keeps no events: leave it out, and see what comes' }),
  'system/serve': no(HERE_ONLY),
  'system/doctor': no(HERE_ONLY),
  'system/completion': { kind: 'local' },
  'system/complete': { kind: 'local' },
  'system/help': { kind: 'local' },
}
