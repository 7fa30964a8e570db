// The flags before the command's name. Read by hand: this runs before anything else is loaded.

export interface GlobalFlag { readonly flags: string; readonly valued: boolean; readonly summary: string }

export const GLOBAL_FLAGS: readonly GlobalFlag[] = [
  { flags: '--endpoint', valued: true, summary: 'Socket of a CRI runtime to work on instead of this machine\'s engine (SCOW_ENDPOINT); empty: none' },
  { flags: '--root', valued: true, summary: 'Folder of images, containers and volumes' },
  { flags: '--runroot', valued: true, summary: 'Folder of what lasts until the next boot' },
  { flags: '--runtime', valued: true, summary: 'OCI runtime, by name or path' },
  { flags: '--cgroup-manager', valued: true, summary: 'systemd or cgroupfs' },
  { flags: '--log-level', valued: true, summary: 'trace, debug, info, warn, error, fatal or panic' },
  { flags: '--debug', valued: false, summary: 'The same as --log-level debug; also -D' },
  { flags: '--conmon', valued: true, summary: 'Path of the container monitor' },
  { flags: '--storage-driver', valued: true, summary: 'overlay or vfs' },
  { flags: '--storage-opt', valued: true, summary: 'Option of the storage driver: overlay.mountopt=nodev,...' },
  { flags: '--hooks-dir', valued: true, summary: 'Folder of OCI hooks' },
  { flags: '--cni-config-dir', valued: true, summary: 'Folder of network configurations' },
  { flags: '--network-config-dir', valued: true, summary: 'The same' },
  { flags: '--volumepath', valued: true, summary: 'Folder of volumes' },
  { flags: '--events-backend', valued: true, summary: 'Accepted for compatibility: events are kept in the state' },
  { flags: '--tmpdir', valued: true, summary: 'Accepted for compatibility' },
  { flags: '--syslog', valued: false, summary: 'Accepted for compatibility' },
  { flags: '--transient-store', valued: false, summary: 'Accepted for compatibility' },
]

/** Those of `scow cri`, as crictl has them: by every spelling, the long one first. */
export const CRI_FLAGS: readonly GlobalFlag[] = [
  { flags: '--runtime-endpoint, -r', valued: true, summary: 'Socket of the runtime (CONTAINER_RUNTIME_ENDPOINT)' },
  { flags: '--image-endpoint, -i', valued: true, summary: 'Socket of the image service, where it is another (IMAGE_SERVICE_ENDPOINT)' },
  { flags: '--config, -c', valued: true, summary: 'Configuration file instead of /etc/crictl.yaml (CRI_CONFIG_FILE)' },
  { flags: '--timeout, -t', valued: true, summary: 'How long each call may take; by default what fits it' },
  { flags: '--debug, -D', valued: false, summary: 'Show every call and its answer' },
  { flags: '--enable-tracing', valued: false, summary: 'Accepted for compatibility, as are the other flags of OpenTelemetry and profiles' },
]

/** crictl's, for which there is nothing here. */
const CRI_IGNORED: ReadonlyMap<string, boolean> = new Map([['--tracing-endpoint', true], ['--tracing-sampling-rate-per-million', true], ['--profile-cpu', true], ['--profile-mem', true]])

const CRI_NAMES: ReadonlyMap<string, string> = new Map(CRI_FLAGS.flatMap(({ flags }) => {
  const [long, short = long] = flags.split(', ') as [string, string?]
  return [[long, long], [short, long]] as const
}))

/** Long names only: after the command's name the short ones are its own. */
export const CRI_GLOBALS: ReadonlyMap<string, boolean> = new Map([...CRI_FLAGS.map(({ flags, valued }) => [flags.split(', ')[0]!, valued] as const), ...CRI_IGNORED])

/** What stands between `cri` and its command; values by the long name, which may have one dash as Go's flags do. */
export const readCriGlobals = (words: readonly string[]): Leading => readFlags(words, { nameOf: (word) => CRI_NAMES.get(word) ?? (CRI_GLOBALS.has(`-${word}`) ? `-${word}` : word), known: CRI_GLOBALS })

export const GLOBALS: ReadonlyMap<string, boolean> = new Map(GLOBAL_FLAGS.map(({ flags, valued }) => [flags, valued]))

export interface Leading {
  /** By flag; a repeated one keeps its texts with newlines between. */
  readonly values: Map<string, string>
  readonly rest: readonly string[]
  readonly help: boolean
  readonly version: boolean
  readonly problem?: string
}

/** Splits what stands before the first word that is no flag. */
export const readGlobals = (words: readonly string[]): Leading => readFlags(words, { nameOf: (word) => (word === '-D' ? '--debug' : word), known: GLOBALS })

interface Flags { readonly nameOf: (word: string) => string; readonly known: ReadonlyMap<string, boolean> }

function readFlags(words: readonly string[], { nameOf, known }: Flags): Leading {
  const values = new Map<string, string>()
  for (let at = 0; at < words.length; at++) {
    const word = words[at]!
    const rest = words.slice(at + 1)
    if (word === '-h' || word === '--help') return { values, rest, help: true, version: false }
    if (word === '-v' || word === '--version') return { values, rest, help: false, version: true }
    if (word === '--') return { values, rest, help: false, version: false }
    if (!word.startsWith('-')) return { values, rest: words.slice(at), help: false, version: false }
    const equals = word.indexOf('=')
    const name = nameOf(equals < 0 ? word : word.slice(0, equals))
    const valued = known.get(name)
    const none = { values, rest: [], help: false, version: false }
    if (valued === undefined) return { ...none, problem: `unknown flag: ${name}` }
    if (valued && equals < 0 && at + 1 >= words.length) return { ...none, problem: `flag needs an argument: ${name}` }
    const value = equals >= 0 ? word.slice(equals + 1) : valued ? words[++at]! : 'true'
    if (!valued && !/^(1|t|true|0|f|false)$/i.test(value)) return { ...none, problem: `invalid argument "${value}" for ${name}: expected true or false` }
    values.set(name, values.has(name) && name === '--storage-opt' ? `${values.get(name)}\n${value}` : value)
  }
  return { values, rest: [], help: false, version: false }
}
