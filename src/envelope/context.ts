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
const NAMES = 5
const FIELD_CONTEXT_BYTES_MAX =
  LENGTH_BYTES +
  FIELD_LABEL.length +
  NAMES * (LENGTH_BYTES + CONTEXT_NAME_BYTES_MAX) +
  LENGTH_BYTES +
  LAST_NAME_BYTES_MAX

// Associated data is used at once, so that one place serves all contexts; it begins with the common part `written`.
const bytes = Buffer.alloc(FIELD_CONTEXT_BYTES_MAX)
let written = ''
let view = bytes

/**
 * Associated data of the fields of one tenant, store and data class. The common part is built once; only the field
 * name is written for each value. Every warm tenant keeps some of these.
 */
export class FieldContext {
  /** One character a byte: less than half of what a small buffer takes. */
  readonly #common: string

  constructor(names: ContextNames) {
    this.#common = commonPart(FIELD_LABEL, names).toString('latin1')
  }

  /**
   * Associated data for the field named `name[start, end)` (unescaped UTF-8, at most 4,096 bytes, empty at the root of
   * a document). The result is valid until the next call, be it of this context or of another.
   */
  associatedData(name: Uint8Array, start: number, end: number): Uint8Array {
    const nameBytes = end - start
    if (nameBytes > LAST_NAME_BYTES_MAX) throw new RangeError('a field name has at most 4,096 bytes')
    if (written !== this.#common) {
      bytes.write(this.#common, 'latin1')
      written = this.#common
    }
    const nameAt = bytes.writeUInt32BE(nameBytes, this.#common.length)
    for (let from = start, to = nameAt; from < end; from++, to++) bytes[to] = name[from]!
    const total = nameAt + nameBytes
    if (view.length !== total) view = bytes.subarray(0, total)
    return view
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
