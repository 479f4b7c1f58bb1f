import type { StatementSync } from 'node:sqlite'
import { DatabaseSync } from 'node:sqlite'
import type { ChecksumAlgorithm } from '../../protocol/s3/checksum-algorithms.ts'

/** How a multipart object's checksum came about: over its content, or over its parts' checksums. */
export type ChecksumType = 'FULL_OBJECT' | 'COMPOSITE'

/** A stored checksum; a composite value ends in `-N`. */
export interface StoredChecksum {
  readonly algorithm: ChecksumAlgorithm
  readonly type: ChecksumType
  /** Base64. */
  readonly value: string
}

/** A piece of an object: one file. */
export interface StoredPart {
  readonly number: number
  readonly blob: string
  readonly bytes: number
  /** Base64 of the part's own checksum, if the upload has an algorithm. */
  readonly checksum: string | undefined
}

/** One object. `parts` has one element for an object that was put whole. */
export interface StoredObject {
  /** Without quotes. */
  readonly etag: string
  readonly bytes: number
  readonly modifiedMs: number
  /** Headers to give back: content headers and `x-amz-meta-*`, lower-case names. */
  readonly headers: Readonly<Record<string, string>>
  readonly tags: readonly (readonly [string, string])[]
  readonly checksum: StoredChecksum | undefined
  readonly parts: readonly StoredPart[]
  readonly multipart: boolean
}

/** One multipart upload under way. */
export interface StoredUpload {
  readonly id: string
  readonly bucket: string
  readonly key: string
  readonly headers: Readonly<Record<string, string>>
  readonly tags: readonly (readonly [string, string])[]
  readonly checksumAlgorithm: ChecksumAlgorithm | undefined
  readonly checksumType: ChecksumType | undefined
  readonly createdMs: number
}

/** One uploaded part of an upload under way. */
export interface UploadedPart extends StoredPart {
  readonly etag: string
  readonly modifiedMs: number
}

const SCHEMA = `
  PRAGMA journal_mode = WAL;
  PRAGMA synchronous = FULL;
  CREATE TABLE IF NOT EXISTS buckets (name TEXT PRIMARY KEY, created_ms INTEGER NOT NULL) STRICT;
  CREATE TABLE IF NOT EXISTS objects (
    bucket TEXT NOT NULL, key BLOB NOT NULL, row TEXT NOT NULL, PRIMARY KEY (bucket, key)) STRICT, WITHOUT ROWID;
  CREATE TABLE IF NOT EXISTS uploads (
    id TEXT PRIMARY KEY, bucket TEXT NOT NULL, key BLOB NOT NULL, row TEXT NOT NULL) STRICT;
  CREATE INDEX IF NOT EXISTS uploads_by_key ON uploads (bucket, key, id);
  CREATE TABLE IF NOT EXISTS parts (
    upload TEXT NOT NULL, number INTEGER NOT NULL, row TEXT NOT NULL, PRIMARY KEY (upload, number)) STRICT, WITHOUT ROWID;
`

/** An entry of an ordered scan. */
export interface IndexEntry<Row> {
  readonly key: Buffer
  readonly row: Row
}

/**
 * What the store knows about its blobs, in SQLite: a commit here is the moment at which a write exists, and
 * survives a crash. Keys are ordered by their UTF-8 bytes, as S3 lists them.
 */
export class ObjectIndex {
  readonly #database: DatabaseSync
  readonly #statements = new Map<string, StatementSync>()

  constructor(file: string) {
    this.#database = new DatabaseSync(file)
    this.#database.exec(SCHEMA)
  }

  close(): void {
    this.#database.close()
  }

  buckets(): { name: string; createdMs: number }[] {
    const rows = this.#sql('SELECT name, created_ms FROM buckets ORDER BY name').all()
    return rows.map((row) => ({ name: String(row['name']), createdMs: Number(row['created_ms']) }))
  }

  hasBucket(name: string): boolean {
    return this.#sql('SELECT 1 FROM buckets WHERE name = ?').get(name) !== undefined
  }

  addBucket(name: string, createdMs: number): void {
    this.#sql('INSERT OR IGNORE INTO buckets VALUES (?, ?)').run(name, createdMs)
  }

  removeBucket(name: string): void {
    this.#sql('DELETE FROM buckets WHERE name = ?').run(name)
  }

  object(bucket: string, key: string): StoredObject | undefined {
    const row = this.#sql('SELECT row FROM objects WHERE bucket = ? AND key = ?').get(bucket, bytesOf(key))
    return parse(row) as StoredObject | undefined
  }

  putObject(bucket: string, key: string, object: StoredObject): void {
    this.#sql('INSERT OR REPLACE INTO objects VALUES (?, ?, ?)').run(
      bucket,
      bytesOf(key),
      JSON.stringify(object),
    )
  }

  removeObject(bucket: string, key: string): void {
    this.#sql('DELETE FROM objects WHERE bucket = ? AND key = ?').run(bucket, bytesOf(key))
  }

  /** Objects of a bucket in order, from `from` (included), at most `count`. */
  objectsFrom(bucket: string, from: Buffer, count: number): IndexEntry<StoredObject>[] {
    const rows = this.#sql(
      'SELECT key, row FROM objects WHERE bucket = ? AND key >= ? ORDER BY key LIMIT ?',
    ).all(bucket, from, count)
    return rows.map((row) => ({
      key: Buffer.from(row['key'] as Uint8Array),
      row: parse(row) as StoredObject,
    }))
  }

  addUpload(upload: StoredUpload): void {
    this.#sql('INSERT INTO uploads VALUES (?, ?, ?, ?)').run(
      upload.id,
      upload.bucket,
      bytesOf(upload.key),
      JSON.stringify(upload),
    )
  }

  upload(id: string): StoredUpload | undefined {
    return parse(this.#sql('SELECT row FROM uploads WHERE id = ?').get(id)) as StoredUpload | undefined
  }

  /** Uploads of a bucket in order of key and id, after the given position, at most `count`. */
  uploadsAfter(bucket: string, key: string, id: string, count: number): StoredUpload[] {
    return this.#sql(
      'SELECT row FROM uploads WHERE bucket = ? AND (key, id) > (?, ?) ORDER BY key, id LIMIT ?',
    )
      .all(bucket, bytesOf(key), id, count)
      .map((row) => parse(row) as StoredUpload)
  }

  putPart(uploadId: string, part: UploadedPart): void {
    this.#sql('INSERT OR REPLACE INTO parts VALUES (?, ?, ?)').run(
      uploadId,
      part.number,
      JSON.stringify(part),
    )
  }

  part(uploadId: string, number: number): UploadedPart | undefined {
    const row = this.#sql('SELECT row FROM parts WHERE upload = ? AND number = ?').get(uploadId, number)
    return parse(row) as UploadedPart | undefined
  }

  /** Parts in ascending order of number, after `marker`, at most `count`. */
  parts(uploadId: string, marker = 0, count = 10_000): UploadedPart[] {
    return this.#sql('SELECT row FROM parts WHERE upload = ? AND number > ? ORDER BY number LIMIT ?')
      .all(uploadId, marker, count)
      .map((row) => parse(row) as UploadedPart)
  }

  removeUpload(id: string): void {
    this.atomically(() => {
      this.#sql('DELETE FROM parts WHERE upload = ?').run(id)
      this.#sql('DELETE FROM uploads WHERE id = ?').run(id)
    })
  }

  /** Runs several writes as one. */
  atomically(writes: () => void): void {
    if (this.#database.isTransaction) {
      writes()
      return
    }
    this.#database.exec('BEGIN IMMEDIATE')
    try {
      writes()
      this.#database.exec('COMMIT')
    } catch (thrown) {
      this.#database.exec('ROLLBACK')
      throw thrown
    }
  }

  #sql(text: string): StatementSync {
    let statement = this.#statements.get(text)
    if (statement === undefined) this.#statements.set(text, (statement = this.#database.prepare(text)))
    return statement
  }

  /** Names of all blobs in use. */
  blobs(): Set<string> {
    const blobs = new Set<string>()
    for (const row of this.#sql('SELECT row FROM objects').iterate()) {
      for (const part of (parse(row) as StoredObject).parts) blobs.add(part.blob)
    }
    for (const row of this.#sql('SELECT row FROM parts').iterate()) {
      blobs.add((parse(row) as UploadedPart).blob)
    }
    return blobs
  }
}

function bytesOf(key: string): Buffer {
  return Buffer.from(key)
}

function parse(row: Record<string, unknown> | undefined): unknown {
  return row === undefined ? undefined : JSON.parse(String(row['row']))
}
