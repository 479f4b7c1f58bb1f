import { UNENDED_PART_BYTES } from '../../../envelope/parts/parts-opener.ts'
import type { RawHeaders } from '../../../wire/raw-headers.ts'
import { childText, parseXml } from '../xml-reader.ts'
import { xmlDocument } from '../xml-writer.ts'
import type { BackendResponse } from './backend-response.ts'
import type { EndOfParts, ListedPart } from './end-record.ts'
import { putEndRecord } from './end-record.ts'
import type { ObjectExchange } from './object-exchange.ts'

const ANSWER_BYTES_MAX = 4 * 1024 * 1024
const PARTS_MAX = 10_000

/** The parts of an upload that become one object. */
export interface UploadedParts extends Omit<EndOfParts, 'parts'> {
  readonly uploadId: string
  /** All of them, with consecutive numbers that begin with 1. */
  readonly listed: readonly ListedPart[]
  /** Length of the last one's plaintext. */
  readonly lastBytes: number
}

/** What a store answers with success to a completion. */
export interface CompletionAnswer {
  readonly response: BackendResponse
  /** XML, as the store wrote it. */
  readonly document: Buffer
  /**
   * Of the object, as the store has it; empty where it is left out. Undefined where the document is an error: S3 may
   * begin its answer before it knows that it fails.
   */
  readonly etag: string | undefined
}

/**
 * Makes parts one object, with an end record where the last of them does not show by itself that it is the last
 * (docs/SPEC.md section 6.6). Resolves to the store's refusal, not yet read, when it answers one.
 * Throws `store-response-invalid` where it does not take the end record.
 */
export async function sendCompletion(
  context: ObjectExchange,
  { uploadId, listed, lastBytes, plaintextBytes, checksum }: UploadedParts,
  headers: RawHeaders = [],
): Promise<CompletionAnswer | BackendResponse> {
  const parts = listed.map((part) => ({ ...part }))
  if (lastBytes >= UNENDED_PART_BYTES && listed.length < PARTS_MAX) {
    parts.push(await putEndRecord(context, uploadId, { parts: listed.length, plaintextBytes, checksum }))
  }
  const response = await context.backend.send({
    method: 'POST',
    bucket: context.bucket,
    key: context.key,
    query: [['uploadId', uploadId]],
    headers,
    body: xmlDocument('CompleteMultipartUpload', { Part: parts }),
  })
  if (response.status !== 200) return response
  const document = await response.collect(ANSWER_BYTES_MAX)
  const result = parseXml(Buffer.from(document.toString().trimStart()))
  const isResult = result.name === 'CompleteMultipartUploadResult'
  return { response, document, etag: isResult ? (childText(result, 'ETag') ?? '') : undefined }
}
