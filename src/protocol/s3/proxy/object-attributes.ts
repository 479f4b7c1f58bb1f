import type { RawHeaders } from '../../../wire/raw-headers.ts'
import { checksumElement } from '../checksum-algorithms.ts'
import { bareEtag } from '../conditions.ts'
import { S3Error } from '../errors.ts'
import type { XmlFields } from '../xml-writer.ts'
import { xmlDocument } from '../xml-writer.ts'
import { clientEtag } from './etag-form.ts'
import type { OpenedHead } from './first-stream.ts'
import { placeOf, readHead } from './first-stream.ts'
import { foreignEtag } from './foreign-object.ts'
import { checksumOf } from './head-object.ts'
import { readEnd } from './object-end.ts'
import type { ObjectExchange } from './object-exchange.ts'
import { findLengths } from './part-lengths.ts'
import { storeQuery } from './request-headers.ts'
import { plainResponseHeaders } from './response-headers.ts'
import { passRefusal } from './store-refusal.ts'

const KNOWN = ['ETag', 'Checksum', 'ObjectParts', 'StorageClass', 'ObjectSize']
const PARTS_MAX = 1000
const ANSWER_BYTES_MAX = 1024 * 1024

/** GetObjectAttributes, answered from the object itself, since several stores lack it. */
export async function getObjectAttributes(context: ObjectExchange): Promise<void> {
  const wanted = new Set(
    (context.header('x-amz-object-attributes') ?? '').split(',').map((name) => name.trim()),
  )
  if ([...wanted].some((name) => !KNOWN.includes(name))) {
    throw new S3Error('InvalidArgument', 'Invalid attribute name specified.')
  }
  if ((await foreignEtag(context, placeOf(context))) !== undefined) {
    await passAttributes(context)
    return
  }
  const head = await readHead(context, placeOf(context), [])
  if (!('stored' in head)) {
    await passRefusal(context, head)
    return
  }
  const { stored, response } = head
  const checksum = wanted.has('Checksum') ? await checksumOf(context, head) : undefined
  const body = xmlDocument('GetObjectAttributesResponse', {
    ETag: wanted.has('ETag') ? bareEtag(clientEtag(stored.etag)) : undefined,
    Checksum: checksum && {
      [checksumElement(checksum.algorithm)]: checksum.value,
      ChecksumType: checksum.type,
    },
    ObjectParts:
      wanted.has('ObjectParts') && stored.streams !== undefined
        ? await objectParts(context, head)
        : undefined,
    StorageClass: wanted.has('StorageClass')
      ? (response.header('x-amz-storage-class') ?? 'STANDARD')
      : undefined,
    ObjectSize: wanted.has('ObjectSize') ? stored.plaintextBytes : undefined,
  })
  const headers = plainResponseHeaders(context, response).filter((_, index, all) => {
    return /^(last-modified|x-amz-(version-id|delete-marker|request-id))$/i.test(all[index - (index % 2)]!)
  })
  headers.push('content-type', 'application/xml', 'content-length', String(body.length))
  context.whenAdmitted(() => context.exchange.reply(200, headers, body))
}

/** Those of a foreign object of a migrating store: the store's own, if it has the operation. */
async function passAttributes(context: ObjectExchange): Promise<void> {
  const asked: RawHeaders = []
  for (const name of ['x-amz-object-attributes', 'x-amz-max-parts', 'x-amz-part-number-marker']) {
    const value = context.header(name)
    if (value !== undefined) asked.push(name, value)
  }
  const { bucket, key } = context
  const response = await context.backend.send({
    method: 'GET',
    bucket,
    key,
    query: storeQuery(context),
    headers: asked,
  })
  if (response.status !== 200) {
    await passRefusal(context, response)
    return
  }
  const body = await response.collect(ANSWER_BYTES_MAX)
  const headers = [...plainResponseHeaders(context, response), 'content-length', String(body.length)]
  context.whenAdmitted(() => context.exchange.reply(200, headers, body))
}

async function objectParts(context: ObjectExchange, head: OpenedHead): Promise<XmlFields> {
  const streams = head.stored.streams!
  const end = await readEnd(context, head)
  // Looked up and not supposed: parts that are not alike can end where equal ones would.
  const lengths = await findLengths(context, head)
  const parts = end?.parts ?? streams
  const max = numberOf(context, 'x-amz-max-parts', PARTS_MAX)
  const marker = numberOf(context, 'x-amz-part-number-marker', 0)
  const page: XmlFields[] = []
  const first = marker + 1
  for (let number = first; number <= parts && number < first + max; number += 1) {
    if (lengths !== undefined) page.push({ PartNumber: number, Size: lengths.lengthOf(number - 1) })
  }
  return {
    PartsCount: parts,
    PartNumberMarker: marker,
    NextPartNumberMarker: marker + page.length,
    MaxParts: max,
    IsTruncated: marker + page.length < parts,
    Part: page,
  }
}

function numberOf(context: ObjectExchange, header: string, otherwise: number): number {
  const text = context.header(header)
  if (text === undefined) return otherwise
  if (!/^\d{1,9}$/.test(text)) throw new S3Error('InvalidArgument')
  return otherwise === 0 ? Number(text) : Math.min(Number(text), otherwise)
}
