/** Entries kept; an older one costs a small request to find out again. */
const ENTRIES_MAX = 100_000

/** Content of a store that is named by bucket, key and entity tag. */
export interface StoredContent {
  readonly bucket: string
  readonly key: string
  readonly versionId: string | undefined
  readonly etag: string
}

/**
 * Remembers which contents of a migrating store the gateway wrote, so that a list does not ask for each of them every
 * time. An entity tag stands for its content, so what is remembered never becomes wrong.
 */
export class ObjectOrigins {
  readonly #own = new Map<string, boolean>()

  /** True for sealed content, false for foreign, undefined when it is not known. */
  get(content: StoredContent): boolean | undefined {
    return this.#own.get(nameOf(content))
  }

  set(content: StoredContent, own: boolean): void {
    if (this.#own.size >= ENTRIES_MAX) this.#own.delete(this.#own.keys().next().value!)
    this.#own.set(nameOf(content), own)
  }
}

function nameOf({ bucket, key, versionId, etag }: StoredContent): string {
  return `${bucket}/${key}\0${versionId ?? ''}\0${etag.replaceAll('"', '')}`
}
