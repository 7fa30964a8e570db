import { toPlatform } from '../container/request/settings.ts'

type Parts = Parameters<typeof toPlatform>[0]

/** `os/arch[/variant]` of the flags, or undefined when none was given. */
export function platformText(parts: Parts): string | undefined {
  const platform = toPlatform(parts)
  if (!platform) return undefined
  const { os = 'linux', arch, variant } = platform
  return [os, arch ?? hostArch(), ...(variant === undefined ? [] : [variant])].join('/')
}

const hostArch = (): string => (process.arch === 'x64' ? 'amd64' : process.arch)
