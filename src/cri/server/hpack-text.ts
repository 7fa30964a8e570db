// Strings as HTTP/2 headers carry them (RFC 7541, 5.2 and appendix B): the characters that a path of a socket has.
const CODES: Readonly<Record<string, readonly [code: number, bits: number]>> = Object.fromEntries([
  ...run('012aceiost', 0, 5), ...run(' %-./3456789=A_bdfghlmnpru', 0x14, 6), ...run(':BCDEFGHIJKLMNOPQRSTUVWYjkqvwxyz', 0x5c, 7),
  ['X', [0xfc, 8]], ['Z', [0xfd, 8]],
])

/** Codes of one length follow each other in the order of the characters. */
function run(characters: string, first: number, bits: number): [string, [number, number]][] {
  return [...characters].map((character, index) => [character, [first + index, bits]])
}

/** Filled up with ones; undefined for a character that isn't in the table. */
export function huffman(text: string): Buffer | undefined {
  let bits = ''
  for (const character of text) {
    const code = CODES[character]
    if (!code) return undefined
    bits += code[0].toString(2).padStart(code[1], '0')
  }
  bits = bits.padEnd(Math.ceil(bits.length / 8) * 8, '1')
  return Buffer.from(bits.match(/.{8}/g)?.map((byte) => Number.parseInt(byte, 2)) ?? [])
}
