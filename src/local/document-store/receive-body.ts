import { randomUUID } from 'node:crypto'
import { open, rm } from 'node:fs/promises'
import type { FileHandle } from 'node:fs/promises'
import type { IncomingMessage } from 'node:http'
import type { DocumentTable, StoredBody } from './document-table.ts'
import { StoreRefusal } from './store-refusal.ts'

/** Bodies up to this many bytes live in the row; larger ones are written to a file while they arrive. */
const INLINE_BYTES_MAX = 256 * 1024

/**
 * Receives a request body, in memory while small and on disk beyond that. A body that does not arrive whole
 * leaves nothing behind. Throws `StoreRefusal` (413) beyond `bodyBytesMax`, the socket's error otherwise.
 */
export async function receiveBody(
  request: IncomingMessage,
  table: DocumentTable,
  bodyBytesMax: number,
): Promise<StoredBody> {
  const declaredBytes = Number(request.headers['content-length'] ?? 0)
  if (declaredBytes > bodyBytesMax) throw tooLarge(bodyBytesMax)
  const chunks: Buffer[] = []
  let sizeBytes = 0
  let file: FileHandle | undefined
  const fileName = randomUUID()
  try {
    // left open on a refusal: the answer still has to go out on this connection
    const arriving = request.iterator({ destroyOnReturn: false }) as AsyncIterable<Buffer>
    for await (const chunk of arriving) {
      sizeBytes += chunk.byteLength
      if (sizeBytes > bodyBytesMax) throw tooLarge(bodyBytesMax)
      chunks.push(chunk)
      if (sizeBytes <= INLINE_BYTES_MAX) continue
      file ??= await open(table.bodyPath(fileName), 'wx', 0o600)
      await writeAll(file, chunks)
      chunks.length = 0
    }
    if (!request.complete) throw new Error('the client left before the body was complete')
    if (file === undefined) return { kind: 'inline', bytes: Buffer.concat(chunks) }
    await file.sync()
    await file.close()
    return { kind: 'file', fileName, sizeBytes }
  } catch (error) {
    await file?.close().catch(() => undefined)
    if (file !== undefined) await rm(table.bodyPath(fileName), { force: true })
    throw error
  }
}

/** Removes what a refused write had already put on disk. */
export async function discardBody(body: StoredBody, table: DocumentTable): Promise<void> {
  if (body.kind === 'file') await rm(table.bodyPath(body.fileName), { force: true })
}

async function writeAll(file: FileHandle, chunks: readonly Buffer[]): Promise<void> {
  for (const chunk of chunks) {
    for (let offset = 0; offset < chunk.byteLength;) {
      const { bytesWritten } = await file.write(chunk, offset)
      offset += bytesWritten
    }
  }
}

function tooLarge(bodyBytesMax: number): StoreRefusal {
  return new StoreRefusal(413, `A document may have at most ${bodyBytesMax} bytes.`)
}
