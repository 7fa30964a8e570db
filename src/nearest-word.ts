/** What `word` may be a misspelling of: that of `words` with the fewest letters changed, at most a third of them. */
export function nearestWord(word: string, words: Iterable<string>): string | undefined {
  let [nearest, fewest]: [string | undefined, number] = [undefined, Math.max(1, Math.floor(word.length / 3)) + 1]
  for (const other of words) {
    const changes = changesBetween(word, other)
    if (changes < fewest) [nearest, fewest] = [other, changes]
  }
  return nearest
}

/** Letters to add, drop or replace (Levenshtein). */
function changesBetween(one: string, other: string): number {
  let row = Array.from({ length: other.length + 1 }, (_, at) => at)
  for (let i = 1; i <= one.length; i++) {
    const next = [i]
    for (let j = 1; j <= other.length; j++) next[j] = Math.min(next[j - 1]! + 1, row[j]! + 1, row[j - 1]! + (one[i - 1] === other[j - 1] ? 0 : 1))
    row = next
  }
  return row[other.length]!
}
