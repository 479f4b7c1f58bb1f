import type { ChecksumAlgorithm } from '../../protocol/s3/checksum-algorithms.ts'
import type { CorsRule } from './cors-rules.ts'
import { bytesOf, IndexDatabase, parseRow } from './index-database.ts'
import { NEWEST, VersionTable } from './version-table.ts'

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

/** An object before it is stored. `parts` has one element for an object that was put whole. */
export interface NewObject {
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

/** One version of an object. */
export interface StoredObject extends NewObject {
  /** `null` for one that was written while its bucket kept no versions. */
  readonly versionId: string
}

/** Whether a bucket keeps versions; undefined for one that never did. */
export type Versioning = 'Enabled' | 'Suspended' | undefined

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
  CREATE TABLE IF NOT EXISTS buckets (name TEXT PRIMARY KEY, created_ms INTEGER NOT NULL) STRICT;
  CREATE TABLE IF NOT EXISTS versioning (bucket TEXT PRIMARY KEY, status TEXT NOT NULL) STRICT, WITHOUT ROWID;
  CREATE TABLE IF NOT EXISTS cors (bucket TEXT PRIMARY KEY, row TEXT NOT NULL) STRICT, WITHOUT ROWID;
  CREATE TABLE IF NOT EXISTS uploads (
    id TEXT PRIMARY KEY, bucket TEXT NOT NULL, key BLOB NOT NULL, row TEXT NOT NULL) STRICT;
  CREATE INDEX IF NOT EXISTS uploads_by_key ON uploads (bucket, key, id);
  CREATE TABLE IF NOT EXISTS parts (
    upload TEXT NOT NULL, number INTEGER NOT NULL, row TEXT NOT NULL, PRIMARY KEY (upload, number)) STRICT, WITHOUT ROWID;
`

/**
 * What the store knows about its blobs, in SQLite: a commit here is the moment at which a write exists, and
 * survives a crash.
 */
export class ObjectIndex {
  readonly versions: VersionTable
  readonly #database: IndexDatabase

  constructor(file: string) {
    this.#database = new IndexDatabase(file)
    this.#database.execute(SCHEMA)
    this.versions = new VersionTable(this.#database)
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
    this.atomically(() => {
      this.#sql('DELETE FROM buckets WHERE name = ?').run(name)
      this.#sql('DELETE FROM versioning WHERE bucket = ?').run(name)
      this.#sql('DELETE FROM cors WHERE bucket = ?').run(name)
    })
  }

  /** True when nothing is in a bucket: no version, no delete marker, no upload. */
  isEmpty(bucket: string): boolean {
    const start = { key: Buffer.alloc(0), age: NEWEST }
    return (
      this.versions.from(bucket, start, 1, false).length === 0 &&
      this.uploadsAfter(bucket, '', '', 1).length === 0
    )
  }

  versioning(bucket: string): Versioning {
    const row = this.#sql('SELECT status FROM versioning WHERE bucket = ?').get(bucket)
    return row === undefined ? undefined : (row['status'] as Versioning)
  }

  setVersioning(bucket: string, status: NonNullable<Versioning>): void {
    this.#sql('INSERT OR REPLACE INTO versioning VALUES (?, ?)').run(bucket, status)
  }

  /** Empty for a bucket that has none. */
  corsRules(bucket: string): readonly CorsRule[] {
    const row = this.#sql('SELECT row FROM cors WHERE bucket = ?').get(bucket)
    return row === undefined ? [] : (parseRow(row) as CorsRule[])
  }

  setCorsRules(bucket: string, rules: readonly CorsRule[]): void {
    this.#sql('INSERT OR REPLACE INTO cors VALUES (?, ?)').run(bucket, JSON.stringify(rules))
  }

  /** The object that requests without a version see. */
  object(bucket: string, key: string): StoredObject | undefined {
    return this.versions.latest(bucket, key)?.object
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
    return parseRow(this.#sql('SELECT row FROM uploads WHERE id = ?').get(id)) as StoredUpload | undefined
  }

  /** Uploads of a bucket in order of key and id, after the given position, at most `count`. */
  uploadsAfter(bucket: string, key: string, id: string, count: number): StoredUpload[] {
    return this.#sql(
      'SELECT row FROM uploads WHERE bucket = ? AND (key, id) > (?, ?) ORDER BY key, id LIMIT ?',
    )
      .all(bucket, bytesOf(key), id, count)
      .map((row) => parseRow(row) as StoredUpload)
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
    return parseRow(row) as UploadedPart | undefined
  }

  /** Parts in ascending order of number, after `marker`, at most `count`. */
  parts(uploadId: string, marker = 0, count = 10_000): UploadedPart[] {
    return this.#sql('SELECT row FROM parts WHERE upload = ? AND number > ? ORDER BY number LIMIT ?')
      .all(uploadId, marker, count)
      .map((row) => parseRow(row) as UploadedPart)
  }

  removeUpload(id: string): void {
    this.atomically(() => {
      this.#sql('DELETE FROM parts WHERE upload = ?').run(id)
      this.#sql('DELETE FROM uploads WHERE id = ?').run(id)
    })
  }

  /** Runs several writes as one. */
  atomically<Result>(writes: () => Result): Result {
    return this.#database.atomically(writes)
  }

  /** Names of all blobs in use. */
  blobs(): Set<string> {
    const blobs = new Set<string>()
    for (const { blob } of this.versions.parts()) blobs.add(blob)
    for (const row of this.#sql('SELECT row FROM parts').iterate()) {
      blobs.add((parseRow(row) as UploadedPart).blob)
    }
    return blobs
  }

  #sql(text: string): ReturnType<IndexDatabase['sql']> {
    return this.#database.sql(text)
  }
}
