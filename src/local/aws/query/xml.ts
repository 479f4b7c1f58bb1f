/** A value of an XML answer: undefined members are left out, lists become `member` elements. */
export type XmlValue =
  | string
  | number
  | boolean
  | undefined
  | readonly XmlValue[]
  | { readonly [name: string]: XmlValue }

/** Members of a structure as XML elements in the AWS query protocol. */
export function toXml(structure: { readonly [name: string]: XmlValue }): string {
  let text = ''
  for (const [name, value] of Object.entries(structure)) text += element(name, value)
  return text
}

/** One element, or nothing for an undefined value. */
export function element(name: string, value: XmlValue): string {
  if (value === undefined) return ''
  if (typeof value !== 'object') return `<${name}>${escapeXml(String(value))}</${name}>`
  if (Array.isArray(value)) {
    return `<${name}>${(value as readonly XmlValue[]).map((entry) => element('member', entry)).join('')}</${name}>`
  }
  return `<${name}>${toXml(value as { readonly [name: string]: XmlValue })}</${name}>`
}

function escapeXml(text: string): string {
  return text
    .replaceAll('&', '&amp;')
    .replaceAll('<', '&lt;')
    .replaceAll('>', '&gt;')
    .replaceAll('"', '&quot;')
    .replaceAll('\r', '&#xD;')
}
