import type { RawHeaders } from '../../../wire/raw-headers.ts'
import { BudgetShare } from '../../../listener/byte-budget.ts'
import { S3Error } from '../errors.ts'
import type { PostPolicy } from '../post-policy.ts'
import { ChecksumVerifier, readChecksumRequest } from '../expected-checksums.ts'
import { xmlDocument } from '../xml-writer.ts'
import { ABOUT_ORIGIN, corsHeadersOfPost } from './cors-headers.ts'
import { clientEtag } from './etag-form.ts'
import type { StoredForm } from './form-upload.ts'
import { FormUpload } from './form-upload.ts'
import type { ObjectExchange } from './object-exchange.ts'
import { locationOf } from './object-location.ts'
import type { PostedForm } from './posted-form.ts'
import { assertBytes, OBJECT_BYTES_MAX, wholeSealer } from './put-object.ts'
import { storeRequestHeaders, withoutHeaders } from './request-headers.ts'
import { checksumHeaders, objectResponseHeaders } from './response-headers.ts'
import { admitted } from './sealed-upload.ts'
import { passRefusal } from './store-refusal.ts'
import type { ObjectChecksum } from './trailer.ts'
import { encodeTrailer, ofFullObject } from './trailer.ts'

/** Of a file that much is held; a longer one goes to the store in parts of this length, as its length is not known. */
const BLOCK_BYTES = 8 * 1024 * 1024

/** What a form is not answered with as the store says it: about its own document, or the rules for a PUT. */
const REPLACED: ReadonlySet<string> = new Set(['content-type', 'etag', 'location', ...ABOUT_ORIGIN])

/**
 * PostObject: the file of a form whose signature and policy hold. Nothing becomes an object before the form has ended as
 * it must.
 */
export async function postObject(
  context: ObjectExchange,
  form: PostedForm,
  policy: PostPolicy,
): Promise<void> {
  const contentBytes = context.exchange.head.contentLength!
  const share = new BudgetShare(context.parts.budget)
  context.exchange.onEnd(() => share.end())
  // The block, and what it is sealed to.
  share.change(2 * Math.min(contentBytes, BLOCK_BYTES))
  const file = new FormFile(context, form, policy)
  const first = await file.read()
  const stored = file.ended ? await putWhole(context, file, first) : await putParts(context, file, first)
  if (stored.response.status >= 300) await passRefusal(context, stored.response)
  else await answerForm(context, form, stored, file.checksum)
}

/** The file of a form: measured against the policy and digested as it is read. */
class FormFile {
  /** Known once `verify` has resolved. */
  checksum: ObjectChecksum | undefined
  bytes = 0
  readonly #form: PostedForm
  readonly #policy: PostPolicy
  readonly #verifier: ChecksumVerifier

  constructor(context: ObjectExchange, form: PostedForm, policy: PostPolicy) {
    this.#form = form
    this.#policy = policy
    this.#verifier = new ChecksumVerifier(readChecksumRequest(context.headers, { kind: 'unsigned' }))
  }

  get ended(): boolean {
    return this.#form.reader.fileEnded
  }

  async read(): Promise<Buffer> {
    const block = await this.#form.reader.readFile(BLOCK_BYTES)
    this.bytes += block.length
    assertBytes(this.bytes, Math.min(this.#policy.fileBytesMax, OBJECT_BYTES_MAX))
    this.#verifier.update(block)
    return block
  }

  /** Reads the form to its end, and throws unless the whole file is as announced. */
  async verify(): Promise<void> {
    const { fileBytesMin } = this.#policy
    if (this.bytes < fileBytesMin) {
      throw new S3Error('EntityTooSmall', undefined, {
        ProposedSize: String(this.bytes),
        MinSizeAllowed: String(fileBytesMin),
      })
    }
    await this.#form.reader.finish()
    this.checksum = ofFullObject(this.#verifier.finish(new Map()))
  }
}

async function putWhole(context: ObjectExchange, file: FormFile, content: Buffer): Promise<StoredForm> {
  const { bucket, key } = context
  await file.verify()
  const sealer = await wholeSealer(context, bucket, key, content.length)
  try {
    const body = Buffer.concat([...sealer.write(content), ...sealer.final(encodeTrailer(file.checksum))])
    await admitted(context)
    const headers = storeRequestHeaders(context)
    const request = { method: 'PUT', bucket, key, headers, body, sealed: true }
    const response = await context.backend.send(request)
    return { response, etag: response.header('etag') ?? '' }
  } finally {
    sealer.destroy()
  }
}

async function putParts(context: ObjectExchange, file: FormFile, first: Buffer): Promise<StoredForm> {
  const upload = await FormUpload.begin(context, storeRequestHeaders(context))
  if (!(upload instanceof FormUpload)) return { response: upload, etag: '' }
  try {
    for (let block = first; block.length > 0; block = file.ended ? Buffer.alloc(0) : await file.read()) {
      const refusal = await upload.put(block)
      if (refusal !== undefined) {
        await upload.abort()
        return { response: refusal, etag: '' }
      }
    }
    await file.verify()
    return await upload.complete(file.checksum)
  } catch (thrown) {
    await upload.abort()
    throw thrown
  }
}

async function answerForm(
  context: ObjectExchange,
  { values }: PostedForm,
  stored: StoredForm,
  checksum: ObjectChecksum | undefined,
): Promise<void> {
  await stored.response.collect(64 * 1024)
  const etag = clientEtag(stored.etag)
  const headers: RawHeaders = [
    ...withoutHeaders(objectResponseHeaders(context, stored.response), REPLACED),
    ...checksumHeaders(checksum),
    ...(await corsHeadersOfPost(context)),
    'etag',
    etag,
  ]
  const { bucket, key } = context
  const redirect = redirectOf(values, { bucket, key, etag })
  const asked = values.get('success_action_status')
  const status = redirect === undefined ? (asked === '200' || asked === '201' ? Number(asked) : 204) : 303
  const body =
    status === 201
      ? xmlDocument('PostResponse', { Location: locationOf(context), Bucket: bucket, Key: key, ETag: etag })
      : Buffer.alloc(0)
  headers.push('location', redirect ?? locationOf(context))
  if (status === 201) headers.push('content-type', 'application/xml')
  if (status !== 204) headers.push('content-length', String(body.length))
  context.whenAdmitted(() => context.exchange.reply(status, headers, body))
}

/** Where the browser goes next; one that is no address is as none. */
function redirectOf(
  values: ReadonlyMap<string, string>,
  added: Readonly<Record<string, string>>,
): string | undefined {
  const address = values.get('success_action_redirect') ?? values.get('redirect') ?? ''
  if (!URL.canParse(address)) return undefined
  const url = new URL(address)
  for (const [name, value] of Object.entries(added)) url.searchParams.append(name, value)
  return url.href
}
