// Files of the caller's own, for the commands and the CRI, which have no door to the file system's part.
export { makeDir } from '../fs/remove-tree.ts'
