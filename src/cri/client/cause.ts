// What a runtime says of a failure, in one plain line. The words of runtimes and runc are read here and nowhere else.

export interface Cause {
  readonly cause: string
  /** What then helps. */
  readonly advice?: string
}

interface Pattern { readonly text: RegExp; readonly cause: (found: RegExpExecArray) => Cause }

/** Of starts: runc and crun through containerd and CRI-O, and scow's own. */
const STARTS: readonly Pattern[] = [
  { text: /exec:? \\?"([^"\\]+)\\?":? .*?executable file not found|executable file `([^']+)' not found|^(\S+): no such command in the container/, cause: ([, a, b, c]) => ({ cause: `the image has no command "${a ?? b ?? c}", or not in its PATH`, advice: 'correct the command, or use an image that has it' }) },
  { text: /exec:? \\?"([^"\\]+)\\?":? .*?(?:stat .*)?no such file or directory/, cause: ([, a]) => ({ cause: `the image has no file "${a}" to run`, advice: 'correct the command, or use an image that has it; of a script, its interpreter may be missing' }) },
  { text: /exec format error/, cause: () => ({ cause: 'the command is made for another processor, or is a script without its first line', advice: 'use an image for the processor of this node' }) },
  { text: /exec:? \\?"([^"\\]+)\\?":? .*?permission denied/, cause: ([, a]) => ({ cause: `"${a}" may not be executed`, advice: 'is it executable, and may the user of the container run it?' }) },
  { text: /mounting \\?"([^"\\]+)\\?" to rootfs at \\?"([^"\\]+)\\?".*?: ([^:]+?)(?:: unknown)?$/, cause: ([, from, to, why]) => ({ cause: `${from} cannot be mounted on ${to}: ${why!.trim()}`, advice: 'a file can be mounted on a file alone, and a directory on a directory; the path must be there on the node' }) },
  { text: /cannot mount (\S+) on (\S+): (.*)$/, cause: ([, from, to, why]) => ({ cause: `${from} cannot be mounted on ${to}: ${why}`, advice: 'a file can be mounted on a file alone, and a directory on a directory; the path must be there on the node' }) },
  { text: /(?:user|group) (\S+): no matching entries|unable to find user (\S+)/, cause: ([, a, b]) => ({ cause: `the image has no user or group "${a ?? b}"`, advice: 'correct the user, or use a number' }) },
  { text: /memory limit .*too low|cannot set memory limit/i, cause: () => ({ cause: 'the memory limit is lower than what the runtime needs to start it', advice: 'give it more memory' }) },
]

/** Of pulls: containerd, CRI-O and scow's own. */
const PULLS: readonly Pattern[] = [
  { text: /unauthorized|denied|forbidden|authentication required|\b40[13]\b/i, cause: () => ({ cause: 'the registry does not let us have it, or has no such repository', advice: 'give credentials: --creds, or an image pull secret of the pod; and is the name right?' }) },
  { text: /not found|no such image|manifest unknown|name unknown|\b404\b/i, cause: () => ({ cause: 'the registry has no such image', advice: 'correct its name or its tag' }) },
  { text: /no such host|server misbehaving|lookup .* on |ENOTFOUND|EAI_AGAIN/i, cause: () => ({ cause: 'the name of the registry cannot be resolved', advice: 'is the name right, and does the node reach its name servers?' }) },
  { text: /x509|certificate|tls:/i, cause: () => ({ cause: 'the certificate of the registry is not trusted', advice: 'install its authority on the node, or configure the registry as insecure in the runtime' }) },
  { text: /connection refused|ECONNREFUSED|network is unreachable|no route to host|i\/o timeout|timed out|deadline|ENETUNREACH/i, cause: () => ({ cause: 'the registry cannot be reached', advice: 'is it up, and does the node reach it, perhaps through a proxy?' }) },
  { text: /no space left|ENOSPC|space/i, cause: () => ({ cause: 'the disk of the node is full', advice: 'remove images that nobody uses: rmi --prune' }) },
  { text: /no match for platform|no image .* for|platform/i, cause: () => ({ cause: 'the image is not made for the processor of this node', advice: 'use an image for it' }) },
]

const first = (patterns: readonly Pattern[], message: string): Cause | undefined => {
  const line = message.trim().replaceAll('\n', ' ')
  for (const { text, cause } of patterns) {
    const found = text.exec(line)
    if (found) return cause(found)
  }
  return undefined
}

/** Of a start that failed; where nothing is known, the last words of the message. */
export const causeOfStart = (message: string): Cause => first(STARTS, message) ?? { cause: `it could not be started: ${lastWords(message)}`, advice: 'the message of the runtime says more' }

/** References, addresses and paths: of why a pull failed they say nothing, whatever words and digits they have. */
const NAMES = /"[^"]*"|(?<!\S)(?!i\/o\b)\S*\/\S*/g

/** Of a pull of `image` that failed. */
export const causeOfPull = (message: string, image: string): Cause => first(PULLS, message.replaceAll(NAMES, ' ').replaceAll(image, ' ')) ?? { cause: `it cannot be pulled: ${lastWords(message)}` }

const MAX_WORDS = 200
const lastWords = (message: string): string => message.trim().replace(/: unknown$/, '').split(/: /).slice(-2).join(': ').slice(0, MAX_WORDS) || 'the runtime does not say why'
