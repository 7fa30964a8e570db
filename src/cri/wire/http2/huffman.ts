// The code of header strings (RFC 7541, appendix B). It is canonical: the lengths of its words say all of it.

/** Bits of each byte's word, and of the end mark's, in base 36. */
const LENGTHS = 'dnsssssssoussussssssssusssssssss6aacd68baa8b8666555666666678f6cad67777777777777777777777878djde6f56565666577666567655677777fbedskmkkmmmnmnnnnnonoomnonnnnlmnmnnomlkmmnnlnmmolmnnllmnlmnnkmmmnmmnqqkjmnmpqqqrrqopjlqrrqrollqqsrrrkoklmllnmmppooqnqrqqrrrrrsrrrrrqu'
const END = 256
const LONGEST = 30

interface Words { readonly first: number; readonly symbols: readonly number[] }

/** Words by their length: those of one length follow each other in the order of their symbols. */
const WORDS: readonly Words[] = tableOf([...LENGTHS].map((digit) => Number.parseInt(digit, 36)))

function tableOf(lengths: readonly number[]): Words[] {
  const table: Words[] = []
  let first = 0
  for (let length = 0; length <= LONGEST; length++) {
    const symbols = lengths.flatMap((each, symbol) => (each === length ? [symbol] : []))
    table.push({ first, symbols })
    first = (first + symbols.length) << 1
  }
  return table
}

/** @returns undefined for what no encoder makes */
export function decodeHuffman(coded: Uint8Array): string | undefined {
  let text = ''
  let word = 0
  let length = 0
  for (const byte of coded) {
    for (let bit = 7; bit >= 0; bit--) {
      word = (word << 1) | ((byte >> bit) & 1)
      const { first, symbols } = WORDS[++length]!
      const symbol = symbols[word - first]
      if (symbol === END) return undefined
      if (symbol === undefined) continue
      text += String.fromCharCode(symbol)
      word = length = 0
    }
  }
  // What is left is filled up with ones, by less than a byte.
  return length < 8 && word === (1 << length) - 1 ? text : undefined
}
