import { closeSync, openSync, readSync } from 'node:fs'

const QUALITIES = ['amber', 'ample', 'brisk', 'broad', 'calm', 'clear', 'cosy', 'dusky', 'eager', 'early', 'fair', 'fleet', 'fresh', 'gentle', 'glad', 'grand', 'hardy', 'hazy', 'jolly', 'keen', 'lively', 'lucky', 'mellow', 'merry', 'mighty', 'misty', 'neat', 'noble', 'plain', 'proud', 'quick', 'quiet', 'ready', 'rosy', 'salty', 'sandy', 'sharp', 'shiny', 'silent', 'sleek', 'smooth', 'snug', 'sober', 'solid', 'spry', 'steady', 'stout', 'sturdy', 'sunny', 'swift', 'tidy', 'tranquil', 'trusty', 'vivid', 'warm', 'windy', 'wise', 'witty', 'young', 'zesty'] as const
const CRAFT = ['anchor', 'ballast', 'barge', 'beacon', 'boom', 'bosun', 'bow', 'brig', 'buoy', 'canoe', 'cargo', 'coaster', 'coracle', 'current', 'cutter', 'dinghy', 'dory', 'ferry', 'fjord', 'galley', 'gannet', 'gull', 'harbour', 'hawser', 'helm', 'heron', 'hull', 'jetty', 'junk', 'kayak', 'keel', 'ketch', 'lagoon', 'lugger', 'mast', 'mooring', 'otter', 'paddle', 'pennant', 'petrel', 'pier', 'pilot', 'plover', 'punt', 'quay', 'raft', 'reef', 'rudder', 'sampan', 'schooner', 'skiff', 'sloop', 'spar', 'tern', 'tide', 'tiller', 'trawler', 'tug', 'wharf', 'wherry', 'yawl'] as const

const pick = (words: readonly string[]): string => words[randomBytes(4).readUInt32BE() % words.length]!

/** From the kernel: loading node:crypto costs more than all else that a name needs. */
function randomBytes(count: number): Buffer {
  const bytes = Buffer.alloc(count)
  const fd = openSync('/dev/urandom', 'r')
  readSync(fd, bytes)
  closeSync(fd)
  return bytes
}

/** A name for a container that was given none. Not unique by itself: after a clash, ask again. */
export const randomName = (): string => `${pick(QUALITIES)}_${pick(CRAFT)}`

/** 64 hex digits. A short form that is all digits is avoided: tools would take it for a number. */
export function randomId(): string {
  const id = randomBytes(32).toString('hex')
  return /^\d{12}/.test(id) ? randomId() : id
}
