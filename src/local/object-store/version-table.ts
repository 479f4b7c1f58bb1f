import { randomBytes } from 'node:crypto'
import { bytesOf, type IndexDatabase, parseRow } from './index-database.ts'
import type { NewObject, StoredObject, StoredPart } from './object-index.ts'

/** Identifier of the version that is written while a bucket keeps no versions. */
export const NULL_VERSION = 'null'

/** One version of an object, or a delete marker. */
export interface StoredVersion {
  readonly id: string
  /** The one that requests without a version see. */
  readonly latest: boolean
  readonly modifiedMs: number
  /** Undefined for a delete marker. */
  readonly object: StoredObject | undefined
}

/** Where a scan begins: at a key, and among its versions. */
export interface ScanPosition {
  readonly key: Buffer
  readonly age: number
}

/** An entry of an ordered scan, by key and then from the newest version to the oldest. */
export interface ScannedVersion extends ScanPosition {
  readonly version: StoredVersion
}

/** Before the newest version of any key. */
export const NEWEST = Number.MIN_SAFE_INTEGER

// The lower the age, the newer. What was stored before there were versions becomes null versions.
const SCHEMA = `
  CREATE TABLE IF NOT EXISTS versions (
    bucket TEXT NOT NULL, key BLOB NOT NULL, age INTEGER NOT NULL, id TEXT NOT NULL,
    latest INTEGER NOT NULL, marker INTEGER NOT NULL, row TEXT NOT NULL,
    PRIMARY KEY (bucket, key, age)) STRICT, WITHOUT ROWID;
  CREATE UNIQUE INDEX IF NOT EXISTS versions_by_id ON versions (bucket, key, id);
  CREATE INDEX IF NOT EXISTS versions_in_sight ON versions (bucket, key, age) WHERE latest = 1 AND marker = 0;
  CREATE TABLE IF NOT EXISTS objects (
    bucket TEXT NOT NULL, key BLOB NOT NULL, row TEXT NOT NULL, PRIMARY KEY (bucket, key)) STRICT, WITHOUT ROWID;
  INSERT INTO versions SELECT bucket, key, 0, '${NULL_VERSION}', 1, 0, row FROM objects;
  DROP TABLE objects;
`

/** All versions of all objects of a store. */
export class VersionTable {
  readonly #database: IndexDatabase

  constructor(database: IndexDatabase) {
    this.#database = database
    database.atomically(() => database.execute(SCHEMA))
  }

  /** The latest version, which may be a delete marker. */
  latest(bucket: string, key: string): StoredVersion | undefined {
    return versionOf(
      this.#sql('SELECT * FROM versions WHERE bucket = ? AND key = ? AND latest = 1').get(
        bucket,
        bytesOf(key),
      ),
    )
  }

  version(bucket: string, key: string, id: string): StoredVersion | undefined {
    return versionOf(
      this.#sql('SELECT * FROM versions WHERE bucket = ? AND key = ? AND id = ?').get(
        bucket,
        bytesOf(key),
        id,
      ),
    )
  }

  /**
   * Puts an object, or a delete marker, before all versions of its key: under an identifier of its own with `keep`, else
   * as the null version, in whose place it comes. Returns the identifier and the parts that nothing names any more.
   */
  put(
    bucket: string,
    key: string,
    object: NewObject | undefined,
    keep: boolean,
  ): { readonly id: string; readonly unused: readonly StoredPart[] } {
    const id = keep ? randomBytes(24).toString('base64url') : NULL_VERSION
    return this.#database.atomically(() => {
      const replaced = this.remove(bucket, key, id)
      this.#sql('UPDATE versions SET latest = 0 WHERE bucket = ? AND key = ? AND latest = 1').run(
        bucket,
        bytesOf(key),
      )
      this.#sql(
        `INSERT INTO versions SELECT ?1, ?2, coalesce(min(age), 1) - 1, ?3, 1, ?4, ?5 FROM versions
           WHERE bucket = ?1 AND key = ?2`,
      ).run(
        bucket,
        bytesOf(key),
        id,
        object === undefined ? 1 : 0,
        JSON.stringify(object ?? { modifiedMs: Date.now() }),
      )
      return { id, unused: replaced?.object?.parts ?? [] }
    })
  }

  /** Replaces what is kept about a version. */
  update(bucket: string, key: string, object: StoredObject): void {
    this.#sql('UPDATE versions SET row = ? WHERE bucket = ? AND key = ? AND id = ?').run(
      JSON.stringify(object),
      bucket,
      bytesOf(key),
      object.versionId,
    )
  }

  /** Removes one version for good; the newest of the others is the latest then. */
  remove(bucket: string, key: string, id: string): StoredVersion | undefined {
    return this.#database.atomically(() => {
      const removed = this.version(bucket, key, id)
      if (removed === undefined) return undefined
      this.#sql('DELETE FROM versions WHERE bucket = ? AND key = ? AND id = ?').run(bucket, bytesOf(key), id)
      if (removed.latest) {
        this.#sql(
          `UPDATE versions SET latest = 1 WHERE bucket = ?1 AND key = ?2
             AND age = (SELECT min(age) FROM versions WHERE bucket = ?1 AND key = ?2)`,
        ).run(bucket, bytesOf(key))
      }
      return removed
    })
  }

  /** Versions of a bucket from a position (included), at most `count`; with `inSight` only those that plain lists show. */
  from(bucket: string, { key, age }: ScanPosition, count: number, inSight: boolean): ScannedVersion[] {
    const filter = inSight ? 'AND latest = 1 AND marker = 0' : ''
    return this.#sql(
      `SELECT * FROM versions WHERE bucket = ? AND (key, age) >= (?, ?) ${filter} ORDER BY key, age LIMIT ?`,
    )
      .all(bucket, key, age, count)
      .map((row) => ({
        key: Buffer.from(row['key'] as Uint8Array),
        age: Number(row['age']),
        version: versionOf(row)!,
      }))
  }

  /** Where the versions older than one begin; those of the whole key where that one is gone. */
  positionAfter(bucket: string, key: string, id: string): ScanPosition {
    const row = this.#sql('SELECT age FROM versions WHERE bucket = ? AND key = ? AND id = ?').get(
      bucket,
      bytesOf(key),
      id,
    )
    return { key: bytesOf(key), age: row === undefined ? NEWEST : Number(row['age']) + 1 }
  }

  /** Parts of all versions. */
  *parts(): Generator<StoredPart> {
    for (const row of this.#sql('SELECT row FROM versions WHERE marker = 0').iterate()) {
      yield* (parseRow(row) as NewObject).parts
    }
  }

  #sql(text: string): ReturnType<IndexDatabase['sql']> {
    return this.#database.sql(text)
  }
}

function versionOf(row: Record<string, unknown> | undefined): StoredVersion | undefined {
  if (row === undefined) return undefined
  const kept = parseRow(row) as NewObject
  const id = String(row['id'])
  return {
    id,
    latest: row['latest'] === 1,
    modifiedMs: kept.modifiedMs,
    object: row['marker'] === 1 ? undefined : { ...kept, versionId: id },
  }
}
