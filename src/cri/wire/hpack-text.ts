// Strings as HTTP/2 headers carry them (RFC 7541, 5.2 and appendix B): the visible characters, which headers consist of.

/** Codes of one length follow each other in the order of the characters. */
const GROUPS: readonly (readonly [bits: number, first: number, characters: string])[] = [
  [5, 0, '012aceiost'], [6, 0x14, ' %-./3456789=A_bdfghlmnpru'], [7, 0x5c, ':BCDEFGHIJKLMNOPQRSTUVWYjkqvwxyz'], [8, 0xf8, '&*,;XZ'], [10, 0x3f8, '!"()?'],
  [11, 0x7fa, '\'+|'], [12, 0xffa, '#>'], [13, 0x1ff9, '$@[]~'], [14, 0x3ffc, '^}'], [15, 0x7ffc, '<`{'], [19, 0x7fff0, '\\'],
]
const CODES: ReadonlyMap<string, string> = new Map(GROUPS.flatMap(([bits, first, characters]) => [...characters].map((character, index) => [character, (first + index).toString(2).padStart(bits, '0')] as const)))

/** Filled up with ones; undefined for a character that isn't in the table. */
export function huffman(text: string): Buffer | undefined {
  let bits = ''
  for (const character of text) {
    const code = CODES.get(character)
    if (code === undefined) return undefined
    bits += code
  }
  bits = bits.padEnd(Math.ceil(bits.length / 8) * 8, '1')
  return Buffer.from(bits.match(/.{8}/g)?.map((byte) => Number.parseInt(byte, 2)) ?? [])
}

/** The text of such bytes, up to a character that isn't in the table. */
export function unhuffman(bytes: Buffer): string {
  let text = ''
  // what has been read and is no whole character yet
  let [code, length] = [0, 0]
  for (const byte of bytes) {
    for (let bit = 7; bit >= 0; bit--) {
      code = code * 2 + ((byte >> bit) & 1)
      length++
      const group = GROUPS_BY_BITS[length]
      if (!group || code < group.first || code >= group.first + group.characters.length) continue
      text += group.characters[code - group.first]
      code = length = 0
    }
    if (length > LONGEST_BITS) break
  }
  return text
}

const GROUPS_BY_BITS = GROUPS.reduce<({ first: number; characters: string } | undefined)[]>((table, [bits, first, characters]) => { table[bits] = { first, characters }; return table }, [])
const LONGEST_BITS = 19
