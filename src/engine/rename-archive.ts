import { renameMembers } from '../storage/rename-members.ts'

/** A tar stream of somebody else under another name, checked on its way; without end mark. @throws invalid */
export const renameArchive = (chunks: AsyncIterable<Uint8Array>, as: string): AsyncIterable<Uint8Array> => renameMembers(chunks, as)
