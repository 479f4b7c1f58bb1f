import { S3Error } from '../errors.ts'
import type { XmlElement } from '../xml-reader.ts'
import { childOf } from '../xml-reader.ts'
import { storeEtags } from './etag-form.ts'

const ETAG = /(<(?:[\w.-]+:)?ETag>)([^<]*)(?=<\/)/g
const QUOTE = /&quot;|&#34;|&#x22;/gi

/**
 * The document of a DeleteObjects as the store shall have it: entity tags in its own form, every other byte as it was.
 * Throws `NotImplemented` for the condition of a size, as the store would compare the stored one.
 */
export function storeDeleteDocument(root: XmlElement, body: Buffer): Buffer {
  const objects = root.children.filter(({ name }) => name === 'Object')
  if (objects.some((object) => childOf(object, 'Size') !== undefined)) {
    throw new S3Error('NotImplemented', undefined, { Element: 'Size' })
  }
  const text = body.toString()
  // Where text may hold what looks like an element, a condition rather fails than another key is deleted.
  if (objects.every((object) => childOf(object, 'ETag') === undefined) || text.includes('<![CDATA['))
    return body
  return Buffer.from(
    text.replace(ETAG, (_, element: string, etag: string) => {
      return element + storeEtags(etag.replaceAll(QUOTE, '"')).replaceAll('"', '&quot;')
    }),
  )
}
