import type { ChecksumAlgorithm } from './checksum-algorithms.ts'
import { CHECKSUM_ALGORITHMS, checksumElement } from './checksum-algorithms.ts'
import { bareEtag } from './conditions.ts'
import { S3Error } from './errors.ts'
import type { XmlElement } from './xml-reader.ts'
import { childText } from './xml-reader.ts'

/** One part as a client lists it at completion. */
export interface CompletedPart {
  readonly number: number
  /** Without quotes. */
  readonly etag: string
  readonly checksum: { readonly algorithm: ChecksumAlgorithm; readonly value: string } | undefined
}

const PARTS_MAX = 10_000

/**
 * Reads a `CompleteMultipartUpload` document.
 * Throws `MalformedXML` (also for no part or more than 10,000), `InvalidPartOrder` or `InvalidArgument`.
 */
export function readCompleteRequest(root: XmlElement): CompletedPart[] {
  const elements = root.children.filter(({ name }) => name === 'Part')
  if (root.name !== 'CompleteMultipartUpload' || elements.length === 0 || elements.length > PARTS_MAX) {
    throw new S3Error('MalformedXML')
  }
  const parts = elements.map(completedPart)
  for (let index = 1; index < parts.length; index += 1) {
    if (parts[index]!.number <= parts[index - 1]!.number) throw new S3Error('InvalidPartOrder')
  }
  return parts
}

/** A part number of a query or document. Throws `InvalidArgument` unless it is from 1 to 10,000. */
export function parsePartNumber(text: string | undefined): number {
  const number = text !== undefined && /^\d{1,5}$/.test(text) ? Number(text) : 0
  if (number < 1 || number > PARTS_MAX) {
    throw new S3Error('InvalidArgument', 'Part number must be an integer between 1 and 10000, inclusive', {
      ArgumentName: 'partNumber',
      ArgumentValue: text ?? '',
    })
  }
  return number
}

function completedPart(element: XmlElement): CompletedPart {
  const number = childText(element, 'PartNumber')
  const etag = childText(element, 'ETag')
  if (number === undefined || etag === undefined) throw new S3Error('MalformedXML')
  const algorithm = CHECKSUM_ALGORITHMS.find(
    (name) => childText(element, checksumElement(name)) !== undefined,
  )
  return {
    number: parsePartNumber(number),
    etag: bareEtag(etag),
    checksum: algorithm && { algorithm, value: childText(element, checksumElement(algorithm))! },
  }
}
