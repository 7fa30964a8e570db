// Host names of containers.
import { Failure } from '../errors.ts'

/** The kernel's limit (uname(2)). */
const MAX_LENGTH = 64

/** The first twelve digits of the id, as docker and podman do. */
export const defaultHostname = (containerId: string): string => containerId.slice(0, 12)

/** Throws Failure invalid for what sethostname(2) or /etc/hosts can't take. */
export const checkHostname = (name: string): string => {
  if (/^[a-zA-Z0-9_]([a-zA-Z0-9_.-]*[a-zA-Z0-9_])?$/.test(name) && name.length <= MAX_LENGTH) return name
  throw new Failure('invalid', `host name ${JSON.stringify(name)} is not valid: at most ${MAX_LENGTH} letters, digits, "-" and "."`)
}

export const hostnameText = (name: string): string => `${name}\n`
