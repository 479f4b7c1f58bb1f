import { PartSealer } from '../../../envelope/parts/sealer.ts'
import { PortcullisError } from '../../../errors.ts'
import type { RawHeaders } from '../../../wire/raw-headers.ts'
import { childText, parseXml } from '../xml-reader.ts'
import { BackendResponse } from './backend-response.ts'
import type { ListedPart } from './end-record.ts'
import type { ObjectExchange } from './object-exchange.ts'
import { partSealing } from './put-object.ts'
import { admitted } from './sealed-upload.ts'
import { sendCompletion } from './send-completion.ts'
import type { ObjectChecksum } from './trailer.ts'
import { encodeTrailer } from './trailer.ts'

const ANSWER_BYTES_MAX = 64 * 1024

/** What a store says about an object that it has or refuses. */
export interface StoredForm {
  readonly response: BackendResponse
  /** As the store has it; empty when it refuses. */
  readonly etag: string
}

/** A multipart upload that the gateway itself makes of a file whose length is not known before its end. */
export class FormUpload {
  readonly #context: ObjectExchange
  readonly #uploadId: string
  readonly #parts: ListedPart[] = []
  #plaintextBytes = 0
  #lastBytes = 0

  private constructor(context: ObjectExchange, uploadId: string) {
    this.#context = context
    this.#uploadId = uploadId
  }

  /** Begins an upload of the exchange's object; resolves to the refusal when the store takes none. */
  static async begin(context: ObjectExchange, headers: RawHeaders): Promise<FormUpload | BackendResponse> {
    const { bucket, key } = context
    await admitted(context)
    const response = await context.backend.send({
      method: 'POST',
      bucket,
      key,
      query: [['uploads', '']],
      headers,
    })
    if (response.status !== 200) return response
    const uploadId = childText(parseXml(await response.collect(ANSWER_BYTES_MAX)), 'UploadId')
    if (uploadId === undefined) throw noAnswer()
    return new FormUpload(context, uploadId)
  }

  /** Seals a block, which is changed, as the next part; resolves to the refusal when the store does not take it. */
  async put(block: Buffer): Promise<BackendResponse | undefined> {
    const { bucket, key, backend } = this.#context
    const number = this.#parts.length + 1
    const sealer = new PartSealer(await partSealing(this.#context, this.#uploadId), number, block.length)
    try {
      const body = Buffer.concat([...sealer.write(block), ...sealer.final(encodeTrailer(undefined))])
      await admitted(this.#context)
      const query = [['partNumber', String(number)] as const, ['uploadId', this.#uploadId] as const]
      const response = await backend.send({ method: 'PUT', bucket, key, query, body, sealed: true })
      if (response.status !== 200) return response
      await response.collect(ANSWER_BYTES_MAX)
      this.#parts.push({ PartNumber: number, ETag: response.header('etag') ?? '' })
    } finally {
      sealer.destroy()
    }
    this.#plaintextBytes += block.length
    this.#lastBytes = block.length
    return undefined
  }

  /** Makes the parts one object. */
  async complete(checksum: ObjectChecksum | undefined): Promise<StoredForm> {
    await admitted(this.#context)
    const answer = await sendCompletion(this.#context, {
      uploadId: this.#uploadId,
      listed: this.#parts,
      lastBytes: this.#lastBytes,
      plaintextBytes: this.#plaintextBytes,
      checksum,
    })
    if (answer instanceof BackendResponse) return { response: answer, etag: '' }
    const { response, etag } = answer
    if (etag === undefined) throw noAnswer()
    return { response, etag: etag === '' ? await this.#lookUpEtag() : etag }
  }

  /** For stores that leave the entity tag out of their answer to a completion, as Ceph RGW 16 does. */
  async #lookUpEtag(): Promise<string> {
    const { bucket, key, backend } = this.#context
    return (await backend.send({ method: 'HEAD', bucket, key })).header('etag') ?? ''
  }

  /** Gives the upload up, also when the client has gone. */
  async abort(): Promise<void> {
    const { bucket, key, backend } = this.#context
    const request = { method: 'DELETE', bucket, key, query: [['uploadId', this.#uploadId] as const] }
    await backend
      .detached()
      .call(request, ANSWER_BYTES_MAX)
      .catch(() => {})
  }
}

function noAnswer(): PortcullisError {
  return new PortcullisError('store-response-invalid', 'The store did not take the object.')
}
