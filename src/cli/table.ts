// Columns as podman aligns them: cells end with a tab, a column is as wide as its widest cell plus two, at least
// twelve; the last cell of a line is not padded. Padded by hand: a table library costs more than a whole `ps`.

const MIN_WIDTH = 12
const PADDING = 2

/** Of plain text its length; others are counted by character. */
const width = (text: string): number => (/^[\x20-\x7e]*$/.test(text) ? text.length : [...text].length)

/** Aligns lines of tab-separated cells. A column is a run of consecutive lines that have it. */
export function alignTabs(text: string): string {
  const lines = text.split('\n').map((line) => line.split('\t'))
  const widths = lines.map((cells) => cells.map(() => 0))
  const deepest = Math.max(...lines.map((cells) => cells.length))
  for (let column = 0; column < deepest - 1; column++) {
    let start = 0
    while (start < lines.length) {
      let end = start
      while (end < lines.length && lines[end]!.length - 1 > column) end++
      const widest = Math.max(0, ...lines.slice(start, end).map((cells) => width(cells[column]!)))
      for (let at = start; at < end; at++) widths[at]![column] = Math.max(MIN_WIDTH, widest + PADDING)
      start = end + 1
    }
  }
  return lines.map((cells, at) => cells.map((cell, column) => (column === cells.length - 1 ? cell : cell + ' '.repeat(widths[at]![column]! - width(cell)))).join('')).join('\n')
}

/** Rows under their headings. */
export const renderTable = (headings: readonly string[] | undefined, rows: readonly (readonly string[])[]): string => {
  const lines = [...(headings ? [headings] : []), ...rows]
  return lines.length === 0 ? '' : `${alignTabs(lines.map((cells) => cells.join('\t')).join('\n'))}\n`
}
