// Which entry of an index is for this machine (OCI image spec image-index.md; GOOS, GOARCH and arm variants).
import { Failure } from '../errors.ts'
import type { Descriptor, Platform } from './descriptor.ts'
import { OCI_INDEX, OCI_MANIFEST, DOCKER_LIST, DOCKER_MANIFEST } from './media-types.ts'

const ARCHITECTURES: Readonly<Record<string, { architecture: string; variant?: string }>> = {
  x86_64: { architecture: 'amd64' }, 'x86-64': { architecture: 'amd64' }, x64: { architecture: 'amd64' },
  aarch64: { architecture: 'arm64' }, i386: { architecture: '386' }, i686: { architecture: '386' }, ia32: { architecture: '386' },
  armhf: { architecture: 'arm', variant: 'v7' }, armel: { architecture: 'arm', variant: 'v6' },
  arm: { architecture: 'arm' }, riscv64: { architecture: 'riscv64' }, loong64: { architecture: 'loong64' },
}

/** Says the same thing in one way: x86_64 is amd64, arm64/v8 is arm64, arm is arm/v7. */
export function normalisePlatform(platform: Platform): Platform {
  const { os, architecture, variant, ...rest } = platform
  const known = ARCHITECTURES[architecture.toLowerCase()]
  const arch = known?.architecture ?? architecture.toLowerCase()
  const given = (variant ?? known?.variant ?? '').toLowerCase()
  const numbered = /^[0-9]+$/.test(given) ? `v${given}` : given
  const exact = arch === 'arm64' && numbered === 'v8' ? '' : arch === 'arm' && numbered === '' ? 'v7' : arch === 'amd64' && numbered === 'v1' ? '' : numbered
  return { ...rest, os: os.toLowerCase(), architecture: arch, ...(exact !== '' && { variant: exact }) }
}

const WORD = /^[A-Za-z0-9_.-]+$/

/** Reads `os/arch[/variant]`, `arch` or `os`; what is not said comes from `host`. Fails with `invalid`. */
export function parsePlatform(text: string, host: Platform): Platform {
  const parts = text.split('/')
  if (parts.length > 3 || !parts.every((part) => WORD.test(part))) {
    throw new Failure('invalid', `"${text.slice(0, 100)}" is not a platform`, { hint: 'a platform looks like linux/arm64 or linux/arm/v7' })
  }
  const [first = '', architecture, variant] = parts
  if (architecture === undefined) {
    const isOs = ['linux', 'windows', 'darwin', 'freebsd', 'wasi', 'wasip1'].includes(first.toLowerCase())
    return normalisePlatform(isOs ? { ...host, os: first } : { os: host.os, architecture: first })
  }
  return normalisePlatform({ os: first, architecture, ...(variant !== undefined && { variant }) })
}

export const platformText = ({ os, architecture, variant }: Platform): string =>
  `${os}/${architecture}${variant === undefined ? '' : `/${variant}`}`

/** This machine, by the names Node has for it. */
export const hostPlatform = (arch: string = process.arch, os: string = process.platform): Platform =>
  normalisePlatform({ os, architecture: arch })

const ARM_VARIANTS = ['v8', 'v7', 'v6', 'v5']
const AMD64_VARIANTS = ['v4', 'v3', 'v2', '']

/** Variants of `wanted`'s architecture that run on it, the best first. */
function runnable({ architecture, variant = '' }: Platform): string[] {
  const ladder = architecture === 'arm' ? ARM_VARIANTS : architecture === 'amd64' ? AMD64_VARIANTS : []
  const rung = ladder.indexOf(variant)
  return rung === -1 ? [variant] : ladder.slice(rung)
}

/** 0 is an exact match, greater is worse, undefined doesn't run. */
function distance(offered: Platform, wanted: Platform): number | undefined {
  if (offered.os !== wanted.os || offered.architecture !== wanted.architecture) return undefined
  const rung = runnable(wanted).indexOf(offered.variant ?? '')
  // Some arm64 indexes name newer variants; where the wanted one says none, any of them is better than nothing.
  const lenient = wanted.architecture === 'arm64' ? 10 : undefined
  const base = rung === -1 ? lenient : rung
  if (base === undefined) return undefined
  return base * 2 + (wanted['os.version'] !== undefined && offered['os.version'] !== wanted['os.version'] ? 1 : 0)
}

const MANIFESTS: ReadonlySet<string> = new Set([OCI_MANIFEST, DOCKER_MANIFEST, OCI_INDEX, DOCKER_LIST, ''])
const ZSTD_ANNOTATION = 'io.github.containers.compression.zstd'

/** Build provenance and signatures ride in an index beside the images. */
const isImage = ({ mediaType, artifactType, annotations, platform }: Descriptor): boolean =>
  MANIFESTS.has(mediaType) && artifactType === undefined && annotations?.['vnd.docker.reference.type'] !== 'attestation-manifest' && !isUnknown(platform)

/** What buildkit writes where there is nothing to run. */
const isUnknown = (platform: Platform | undefined): boolean => platform?.os === 'unknown' && platform.architecture === 'unknown'

/** The entry of an index that fits `wanted` best; of equal ones a zstd one, then the first. Fails with `notFound`. */
export function selectPlatform(entries: readonly Descriptor[], wanted: Platform, what: string): Descriptor {
  const images = entries.filter(isImage)
  const ranked = images
    .map((entry) => ({
      entry,
      // Some tools write no platform: as to containers/image, such an entry is for whoever finds no better one.
      rank: entry.platform === undefined ? 100 : distance(normalisePlatform(entry.platform), normalisePlatform(wanted)),
      zstd: entry.annotations?.[ZSTD_ANNOTATION] === 'true' ? 0 : 1,
    }))
    .filter((candidate): candidate is typeof candidate & { rank: number } => candidate.rank !== undefined)
    .sort((a, b) => a.rank - b.rank || a.zstd - b.zstd)
  const [best] = ranked
  if (best !== undefined) return best.entry
  const offered = [...new Set(images.flatMap(({ platform }) => (platform ? [platformText(platform)] : [])))]
  throw new Failure('notFound', `${what} has no image for ${platformText(wanted)}${offered.length === 0 ? '' : `, only for ${offered.slice(0, 20).join(', ')}`}`, {
    hint: 'choose another with --platform',
  })
}

/** False where a container of `offered` can't run on `host` without emulation. */
export const runsOn = (offered: Platform, host: Platform): boolean =>
  distance(normalisePlatform(offered), normalisePlatform(host)) !== undefined || offered.architecture === ''
