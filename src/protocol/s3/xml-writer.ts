/** First line of every document S3 answers with. */
export const XML_DECLARATION = '<?xml version="1.0" encoding="UTF-8"?>\n'

/** Namespace of S3's documents. */
export const S3_NAMESPACE = 'http://s3.amazonaws.com/doc/2006-03-01/'

// oxlint-disable-next-line no-control-regex -- XML 1.0 cannot carry these at all
const SPECIAL = /[&<>"'\r\u0000-\u0008\u000b\u000c\u000e-\u001f\ufffe\uffff]/

/**
 * Text for element content or an attribute. Characters that XML 1.0 has no form for become U+FFFD, as in an
 * object key with a NUL: clients ask for `encoding-type=url` to see such keys (ListObjects).
 */
export function escapeXml(text: string): string {
  if (!SPECIAL.test(text)) return text
  let escaped = ''
  for (const character of text) escaped += escapedCharacter(character)
  return escaped
}

function escapedCharacter(character: string): string {
  switch (character) {
    case '&':
      return '&amp;'
    case '<':
      return '&lt;'
    case '>':
      return '&gt;'
    case '"':
      return '&quot;'
    case "'":
      return '&apos;'
    case '\r':
      return '&#13;'
    default:
      return SPECIAL.test(character) ? '\ufffd' : character
  }
}

/** What can stand inside an element: nothing (left out), text, a list of repeated elements, or children. */
export type XmlContent = undefined | string | number | boolean | XmlFields | readonly (XmlFields | string)[]

/** Child elements in order of their keys; an array repeats its element. */
export interface XmlFields {
  readonly [name: string]: XmlContent
}

/** A whole document with S3's namespace on its root. */
export function xmlDocument(root: string, fields: XmlFields): Buffer {
  return Buffer.from(`${XML_DECLARATION}<${root} xmlns="${S3_NAMESPACE}">${xmlFields(fields)}</${root}>`)
}

function xmlFields(fields: XmlFields): string {
  let text = ''
  for (const name in fields) {
    const content = fields[name]
    if (content === undefined) continue
    if (isList(content)) for (const item of content) text += xmlElement(name, item)
    else text += xmlElement(name, content)
  }
  return text
}

function isList(content: XmlContent): content is readonly (XmlFields | string)[] {
  return Array.isArray(content)
}

function xmlElement(name: string, content: string | number | boolean | XmlFields): string {
  const inner = typeof content === 'object' ? xmlFields(content) : escapeXml(String(content))
  return `<${name}>${inner}</${name}>`
}
