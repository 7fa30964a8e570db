// For tests: a process that pulls one layer over HTTP and commits it. Arguments: root, url, digest, size, stallMs.
import { get, type IncomingMessage } from 'node:http'
import { parseDigest } from '../image/digest.ts'
import { makePaths } from '../paths.ts'
import { openStorage } from './storage.ts'

const [root = '', url = '', digest = '', size = '0', stallMs = '10000'] = process.argv.slice(2)

const open = (offset: number, signal: AbortSignal): Promise<IncomingMessage> => new Promise((resolve, reject) => {
  get(url, { headers: { range: `bytes=${offset}-` }, signal }, resolve).on('error', reject)
})

const storage = await openStorage({ paths: makePaths({ root, runRoot: `${root}-run` }), options: { stallMs: Number(stallMs) } })
await storage.recover()
const ingested = await storage.layers.ingest({ descriptor: { mediaType: '', digest: parseDigest(digest), size: Number(size) }, open })
const layer = await storage.layers.commit(ingested, undefined)
await storage.close()
process.stdout.write(JSON.stringify({ fetchedBytes: ingested.fetchedBytes, tree: layer.tree }))
