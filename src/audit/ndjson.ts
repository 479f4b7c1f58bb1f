import type { AuditStore } from './audit-store.ts'
import { canonicalJson } from './canonical-json.ts'
import type { Json } from './canonical-json.ts'
import { auditEntries } from './entries.ts'
import type { AuditEntry, AuditFilter } from './entries.ts'
import { linesOf } from './lines.ts'

const LINE_BYTES_MAX = 1024 * 1024
/** Lines are handed on in pieces of about this size. */
const CHUNK_CHARACTERS = 64 * 1024

/** A line of an export is no audit entry. */
export class AuditExportMalformed extends Error {
  constructor(line: number) {
    super(`line ${line} is no audit row, checkpoint or anchor`)
    this.name = 'AuditExportMalformed'
  }
}

/** One entry as a line of canonical JSON, without line feed. */
export function entryLine(entry: AuditEntry): string {
  return canonicalJson(entry as unknown as Json)
}

/**
 * Newline-delimited JSON (media type `application/x-ndjson`) of the entries a filter selects, in pieces, read from
 * the store no faster than they are taken.
 */
export async function* exportNdjson(store: AuditStore, filter: AuditFilter = {}): AsyncGenerator<string> {
  let chunk = ''
  for await (const entry of auditEntries(store, filter)) {
    chunk += `${entryLine(entry)}\n`
    if (chunk.length < CHUNK_CHARACTERS) continue
    yield chunk
    chunk = ''
  }
  if (chunk !== '') yield chunk
}

/** Reads an export back. Rejects with {@link AuditExportMalformed}, and `RangeError` on a line over 1 MiB. */
export async function* readNdjson(source: AsyncIterable<Uint8Array>): AsyncGenerator<AuditEntry> {
  let number = 0
  for await (const line of linesOf(source, LINE_BYTES_MAX)) {
    number += 1
    if (line.trim() === '') continue
    yield parseEntry(line, number)
  }
}

function parseEntry(line: string, number: number): AuditEntry {
  let entry: Record<string, unknown> | undefined
  try {
    entry = JSON.parse(line) as Record<string, unknown>
  } catch {
    throw new AuditExportMalformed(number)
  }
  const has = (type: string, ...names: readonly string[]): boolean =>
    names.every((name) => typeof entry?.[name] === type)
  if (!has('string', 'chain', 'hash') || !has('number', 'sequence')) throw new AuditExportMalformed(number)
  const isRow = has('string', 'id', 'previousHash') && has('object', 'event') && entry['event'] !== null
  if (!isRow && !has('string', 'at', 'keyId', 'signature')) throw new AuditExportMalformed(number)
  return entry as unknown as AuditEntry
}
