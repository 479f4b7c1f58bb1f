import type { RawHeaders } from '../../wire/raw-headers.ts'
import { CONTENT_HEADERS } from '../../protocol/s3/content-headers.ts'
import { S3Error } from '../../protocol/s3/errors.ts'
import type { XmlElement } from '../../protocol/s3/xml-reader.ts'
import { childOf, childText } from '../../protocol/s3/xml-reader.ts'

const KEPT = new Set([...CONTENT_HEADERS, 'x-amz-storage-class', 'x-amz-website-redirect-location'])
const METADATA_BYTES_MAX = 2048
const TAGS_MAX = 10

/** Headers that an object keeps. Throws `MetadataTooLarge` past S3's 2 KB of user metadata. */
export function keptHeaders(headers: RawHeaders): Record<string, string> {
  const kept: Record<string, string> = {}
  let bytes = 0
  for (let index = 0; index < headers.length; index += 2) {
    const name = headers[index]!.toLowerCase()
    const value = headers[index + 1]!
    const isMetadata = name.startsWith('x-amz-meta-')
    if (isMetadata) bytes += name.length - 'x-amz-meta-'.length + value.length
    if (!isMetadata && !KEPT.has(name)) continue
    kept[name] = kept[name] === undefined ? value : `${kept[name]},${value}`
  }
  if (bytes > METADATA_BYTES_MAX) throw new S3Error('MetadataTooLarge')
  const encoding = kept['content-encoding']
  if (encoding !== undefined && /aws-chunked/i.test(encoding)) {
    const rest = encoding
      .split(',')
      .map((coding) => coding.trim())
      .filter((coding) => coding.toLowerCase() !== 'aws-chunked')
    if (rest.length === 0) delete kept['content-encoding']
    else kept['content-encoding'] = rest.join(',')
  }
  kept['content-type'] ??= 'binary/octet-stream'
  return kept
}

/** Tags of an `x-amz-tagging` header, which has the form of a query. */
export function tagsOfHeader(header: string | undefined): [string, string][] {
  if (header === undefined || header === '') return []
  return checkedTags([...new URLSearchParams(header)])
}

/** Tags of a `Tagging` document. */
export function tagsOfDocument(root: XmlElement): [string, string][] {
  const set = childOf(root, 'TagSet')
  if (root.name !== 'Tagging' || set === undefined) throw new S3Error('MalformedXML')
  return checkedTags(
    set.children.map((tag) => {
      const key = childText(tag, 'Key')
      const value = childText(tag, 'Value')
      if (key === undefined || value === undefined) throw new S3Error('MalformedXML')
      return [key, value]
    }),
  )
}

function checkedTags(tags: [string, string][]): [string, string][] {
  if (tags.length > TAGS_MAX) throw new S3Error('BadRequest', 'Object tags cannot be greater than 10')
  const keys = new Set(tags.map(([key]) => key))
  if (keys.size !== tags.length)
    throw new S3Error('InvalidTag', 'Cannot provide multiple Tags with the same key')
  for (const [key, value] of tags) {
    if (key === '' || key.length > 128 || value.length > 256) throw new S3Error('InvalidTag')
  }
  return tags
}
