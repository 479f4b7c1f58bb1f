import { existsSync, mkdirSync, openSync, readdirSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import type { StatementSync } from 'node:sqlite'
import { randomBytes } from 'node:crypto'

/** A body as it arrived: in memory while small, in a synced file of the table's body folder otherwise. */
export type StoredBody =
  | { readonly kind: 'inline'; readonly bytes: Uint8Array }
  | { readonly kind: 'file'; readonly fileName: string; readonly sizeBytes: number }

/** One stored document. `position` orders a collection's listing and never changes while the document lives. */
export interface StoredDocument {
  readonly position: number
  readonly id: string
  readonly contentType: string | undefined
  readonly contentEncoding: string | undefined
  readonly etag: string
  readonly listable: boolean
  readonly body: StoredBody
}

/** What a write keeps beside the body. */
export interface DocumentHead {
  readonly contentType: string | undefined
  readonly contentEncoding: string | undefined
  /** Whether the body is JSON and so can be spliced into a list. */
  readonly listable: boolean
}

const SCHEMA = `
  PRAGMA journal_mode = WAL;
  PRAGMA synchronous = NORMAL;
  CREATE TABLE IF NOT EXISTS document (
    position INTEGER PRIMARY KEY AUTOINCREMENT,
    collection TEXT NOT NULL,
    id TEXT NOT NULL,
    content_type TEXT,
    content_encoding TEXT,
    etag TEXT NOT NULL,
    listable INTEGER NOT NULL,
    size_bytes INTEGER NOT NULL,
    body BLOB,
    file_name TEXT,
    UNIQUE (collection, id)
  ) STRICT;
  CREATE INDEX IF NOT EXISTS document_listing ON document (collection, listable, position);
`
const COLUMNS = 'position, id, content_type, content_encoding, etag, listable, size_bytes, body, file_name'
/** Generated ids start here, as long as those that a hosted product hands out. */
const FIRST_GENERATED_ID = 10_000

/**
 * Documents on disk: rows in SQLite, large bodies in files beside it. A write is one commit; a body file is
 * complete and synced before its row names it, so a crash at any point leaves the old document or the new one.
 */
export class DocumentTable {
  readonly #database: DatabaseSync
  readonly #bodyDirectory: string
  readonly #selectOne: StatementSync
  readonly #selectNext: StatementSync
  readonly #insert: StatementSync
  readonly #update: StatementSync
  readonly #remove: StatementSync
  #lastGenerated: number

  constructor(directory: string) {
    this.#bodyDirectory = join(directory, 'bodies')
    mkdirSync(this.#bodyDirectory, { recursive: true })
    this.#database = new DatabaseSync(join(directory, 'documents.sqlite'))
    this.#database.exec(SCHEMA)
    this.#selectOne = this.#database.prepare(
      `SELECT ${COLUMNS} FROM document WHERE collection = ? AND id = ?`,
    )
    this.#selectNext = this.#database.prepare(
      `SELECT ${COLUMNS} FROM document WHERE collection = ? AND listable = 1 AND position > ? ORDER BY position LIMIT 1`,
    )
    this.#insert = this.#database.prepare(
      `INSERT INTO document (collection, id, content_type, content_encoding, etag, listable, size_bytes, body, file_name)
       VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)`,
    )
    this.#update = this.#database.prepare(
      `UPDATE document SET content_type = ?, content_encoding = ?, etag = ?, listable = ?, size_bytes = ?, body = ?,
       file_name = ? WHERE position = ?`,
    )
    this.#remove = this.#database.prepare('DELETE FROM document WHERE position = ?')
    const sequence = this.#database.prepare("SELECT seq FROM sqlite_sequence WHERE name = 'document'").get()
    this.#lastGenerated = FIRST_GENERATED_ID + Number(sequence?.['seq'] ?? 0)
    this.#removeOrphans()
  }

  /** The document, or undefined. */
  find(collection: string, id: string): StoredDocument | undefined {
    return toDocument(this.#selectOne.get(collection, id))
  }

  /** The first listable document of the collection after `position`. */
  findNext(collection: string, position: number): StoredDocument | undefined {
    return toDocument(this.#selectNext.get(collection, position))
  }

  /** An id that no document of the collection has and that was not handed out before. */
  generateId(collection: string): string {
    do this.#lastGenerated++
    while (this.find(collection, String(this.#lastGenerated)) !== undefined)
    return String(this.#lastGenerated)
  }

  /** Creates the document or replaces `previous`; returns the new entity tag. */
  write(
    collection: string,
    id: string,
    head: DocumentHead,
    body: StoredBody,
    previous: StoredDocument | undefined,
  ): string {
    const etag = `"${randomBytes(12).toString('base64url')}"`
    const columns = [
      head.contentType ?? null,
      head.contentEncoding ?? null,
      etag,
      head.listable ? 1 : 0,
      bodySizeBytes(body),
      body.kind === 'inline' ? body.bytes : null,
      body.kind === 'file' ? body.fileName : null,
    ]
    if (previous === undefined) this.#insert.run(collection, id, ...columns)
    else this.#update.run(...columns, previous.position)
    if (previous !== undefined) this.#discard(previous.body)
    return etag
  }

  /** Deletes the document and its body. */
  remove(document: StoredDocument): void {
    this.#remove.run(document.position)
    this.#discard(document.body)
  }

  /** Path of a body file; the file is this table's once a row names it. */
  bodyPath(fileName: string): string {
    return join(this.#bodyDirectory, fileName)
  }

  /** Opens a body file for reading; the descriptor outlives a replacement of the document. */
  openBody(fileName: string): number {
    return openSync(this.bodyPath(fileName), 'r')
  }

  /** Closes the database. */
  close(): void {
    this.#database.close()
  }

  #discard(body: StoredBody): void {
    if (body.kind === 'file') rmSync(this.bodyPath(body.fileName), { force: true })
  }

  /** Body files that no row names are what a crash left of an unfinished write. */
  #removeOrphans(): void {
    const known = this.#database.prepare('SELECT 1 FROM document WHERE file_name = ?')
    this.#database.exec('CREATE INDEX IF NOT EXISTS document_file ON document (file_name)')
    for (const fileName of existsSync(this.#bodyDirectory) ? readdirSync(this.#bodyDirectory) : []) {
      if (known.get(fileName) === undefined) rmSync(this.bodyPath(fileName), { force: true })
    }
  }
}

/** Length of a stored body in bytes, as stored. */
export function bodySizeBytes(body: StoredBody): number {
  return body.kind === 'inline' ? body.bytes.byteLength : body.sizeBytes
}

function toDocument(row: Record<string, unknown> | undefined): StoredDocument | undefined {
  if (row === undefined) return undefined
  const fileName = row['file_name'] as string | null
  return {
    position: row['position'] as number,
    id: row['id'] as string,
    contentType: (row['content_type'] as string | null) ?? undefined,
    contentEncoding: (row['content_encoding'] as string | null) ?? undefined,
    etag: row['etag'] as string,
    listable: row['listable'] === 1,
    body:
      fileName === null
        ? { kind: 'inline', bytes: row['body'] as Uint8Array }
        : { kind: 'file', fileName, sizeBytes: row['size_bytes'] as number },
  }
}
