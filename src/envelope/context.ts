/** Whose data it is and where it is kept: bound into every envelope (docs/SPEC.md section 4). */
export interface ContextNames {
  readonly organization: string
  readonly site: string
  readonly app: string
  /** Configured name of the store. */
  readonly store: string
  readonly dataClass: string
}

const FIELD_LABEL = 'portcullis/field/v1'
const STREAM_LABEL = 'portcullis/stream-context/v1'
const LENGTH_BYTES = 4
/** Organization, site, app, store, data class: UTF-8 bytes of each. */
export const CONTEXT_NAME_BYTES_MAX = 1024
/** Field names and object names. */
export const LAST_NAME_BYTES_MAX = 4096
/** Room for a field name at first: every tenant has contexts, and hardly a name is longer. */
const NAME_ROOM_BYTES = 48

/**
 * Associated data of the fields of one tenant, store and data class. The common part is built once; only the field
 * name is written for each value.
 */
export class FieldContext {
  #bytes: Buffer
  readonly #prefixBytes: number
  #view: Buffer

  constructor(names: ContextNames) {
    const prefix = commonPart(FIELD_LABEL, names)
    this.#prefixBytes = prefix.length + LENGTH_BYTES
    this.#bytes = Buffer.alloc(this.#prefixBytes + NAME_ROOM_BYTES)
    prefix.copy(this.#bytes)
    this.#view = this.#bytes.subarray(0, this.#prefixBytes)
  }

  /**
   * Associated data for the field named `name[start, end)` (unescaped UTF-8, at most 4,096 bytes, empty at the root of
   * a document). The result is valid until the next call.
   */
  associatedData(name: Uint8Array, start: number, end: number): Uint8Array {
    const nameBytes = end - start
    if (nameBytes > LAST_NAME_BYTES_MAX) throw new RangeError('a field name has at most 4,096 bytes')
    const total = this.#prefixBytes + nameBytes
    if (total > this.#bytes.length) this.#grow(total)
    this.#bytes.writeUInt32BE(nameBytes, this.#prefixBytes - LENGTH_BYTES)
    for (let from = start, to = this.#prefixBytes; from < end; from++, to++) this.#bytes[to] = name[from]!
    if (this.#view.length !== total) this.#view = this.#bytes.subarray(0, total)
    return this.#view
  }

  #grow(total: number): void {
    const bytes = Buffer.alloc(total)
    this.#bytes.copy(bytes)
    this.#bytes = bytes
  }
}

/** Contexts of the streams of one tenant, store and data class. The common part is built once. */
export class StreamContexts {
  readonly #prefix: Buffer

  constructor(names: ContextNames) {
    this.#prefix = commonPart(STREAM_LABEL, names)
  }

  /** Of the stream that holds `objectName`: 1 to 4,096 bytes, chosen by the protocol (S3: bucket, slash, key). */
  of(objectName: Uint8Array): Buffer {
    if (objectName.length === 0 || objectName.length > LAST_NAME_BYTES_MAX) {
      throw new RangeError('an object name has 1 to 4,096 bytes')
    }
    const prefixBytes = this.#prefix.length
    const context = Buffer.allocUnsafe(prefixBytes + LENGTH_BYTES + objectName.length)
    context.set(this.#prefix)
    context.writeUInt32BE(objectName.length, prefixBytes)
    context.set(objectName, prefixBytes + LENGTH_BYTES)
    return context
  }
}

/** Context of one stream, as `StreamContexts` makes it. */
export function streamContext(names: ContextNames, objectName: Uint8Array): Buffer {
  return new StreamContexts(names).of(objectName)
}

/** Length in four bytes, then the bytes, so that no two lists of names look alike. */
export function lengthPrefixed(bytes: Uint8Array): Buffer {
  const result = Buffer.allocUnsafe(LENGTH_BYTES + bytes.length)
  result.writeUInt32BE(bytes.length, 0)
  result.set(bytes, LENGTH_BYTES)
  return result
}

function commonPart(label: string, names: ContextNames): Buffer {
  const { organization, site, app, store, dataClass } = names
  const parts = [organization, site, app, store, dataClass].map((name) => {
    const bytes = Buffer.from(name, 'utf8')
    if (bytes.length === 0 || bytes.length > CONTEXT_NAME_BYTES_MAX) {
      throw new RangeError('a name of a context has 1 to 1,024 bytes')
    }
    return lengthPrefixed(bytes)
  })
  return Buffer.concat([lengthPrefixed(Buffer.from(label)), ...parts])
}
