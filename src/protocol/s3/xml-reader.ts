import { S3Error } from './errors.ts'

/** One element: its local name, its children, and its text when it has no children. */
export interface XmlElement {
  readonly name: string
  readonly children: readonly XmlElement[]
  readonly text: string
}

/** What a document may cost before it is refused. */
export interface XmlLimits {
  readonly bytesMax: number
  readonly depthMax: number
  readonly elementsMax: number
}

/** Large enough for 10,000 parts with two checksums each; S3 itself takes 2 MiB for DeleteObjects. */
export const XML_LIMITS: XmlLimits = { bytesMax: 4 * 1024 * 1024, depthMax: 12, elementsMax: 120_000 }

interface OpenElement {
  readonly name: string
  readonly qualifiedName: string
  readonly children: OpenElement[]
  text: string
}

const NAME = /[A-Za-z_][\w.:-]{0,127}/y
const ATTRIBUTE = /\s+[A-Za-z_][\w.:-]{0,127}\s*=\s*(?:"([^"<]*)"|'([^'<]*)')/y
const REFERENCE = /&(?:#(\d{1,7})|#x([0-9a-fA-F]{1,6})|([a-z]{2,4}));|&/g
const NAMED = new Map([
  ['amp', '&'],
  ['lt', '<'],
  ['gt', '>'],
  ['quot', '"'],
  ['apos', "'"],
])

/**
 * Parses a document in the XML subset that S3 uses: elements, attributes (ignored), text, CDATA, comments, and
 * the declaration. A DOCTYPE, an entity declaration or any other processing instruction is refused, so nothing
 * can expand. Namespace prefixes are dropped.
 * Throws `MalformedXML`, or `MaxMessageLengthExceeded` past `bytesMax`.
 */
export function parseXml(bytes: Buffer, limits: XmlLimits = XML_LIMITS): XmlElement {
  if (bytes.length > limits.bytesMax) throw new S3Error('MaxMessageLengthExceeded')
  return new XmlReader(decodeUtf8(bytes), limits).document()
}

/** First child with that name. */
export function childOf(element: XmlElement, name: string): XmlElement | undefined {
  return element.children.find((child) => child.name === name)
}

/** Trimmed text of the first child with that name. */
export function childText(element: XmlElement, name: string): string | undefined {
  return childOf(element, name)?.text.trim()
}

function decodeUtf8(bytes: Buffer): string {
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(bytes)
  } catch {
    throw new S3Error('MalformedXML')
  }
}

class XmlReader {
  readonly #source: string
  readonly #limits: XmlLimits
  #position = 0
  #elements = 0

  constructor(source: string, limits: XmlLimits) {
    this.#source = source
    this.#limits = limits
  }

  document(): XmlElement {
    if (this.#source.startsWith('<?xml')) this.#skipPast('?>')
    const open: OpenElement[] = []
    let root: OpenElement | undefined
    while (this.#position < this.#source.length) {
      const markup = this.#source.indexOf('<', this.#position)
      const textEnd = markup === -1 ? this.#source.length : markup
      this.#text(this.#source.slice(this.#position, textEnd), open.at(-1))
      if (markup === -1) break
      this.#position = markup
      const started = this.#markup(open)
      if (started !== undefined) {
        if (root !== undefined) throw new S3Error('MalformedXML')
        root = started
      }
    }
    if (root === undefined || open.length > 0) throw new S3Error('MalformedXML')
    return root
  }

  /** Consumes one piece of markup; returns the element when it opens a root. */
  #markup(open: OpenElement[]): OpenElement | undefined {
    const source = this.#source
    if (source.startsWith('<!--', this.#position)) {
      this.#skipPast('-->')
    } else if (source.startsWith('<![CDATA[', this.#position)) {
      const parent = open.at(-1)
      const end = source.indexOf(']]>', this.#position)
      if (end === -1 || parent === undefined) throw new S3Error('MalformedXML')
      parent.text += source.slice(this.#position + 9, end)
      this.#position = end + 3
    } else if (source.startsWith('</', this.#position)) {
      this.#close(open)
    } else {
      return this.#open(open)
    }
    return undefined
  }

  #open(open: OpenElement[]): OpenElement | undefined {
    this.#position += 1
    const qualifiedName = this.#name()
    if (++this.#elements > this.#limits.elementsMax) throw new S3Error('MalformedXML')
    if (open.length >= this.#limits.depthMax) throw new S3Error('MalformedXML')
    const element: OpenElement = {
      name: qualifiedName.slice(qualifiedName.indexOf(':') + 1),
      qualifiedName,
      children: [],
      text: '',
    }
    ATTRIBUTE.lastIndex = this.#position
    while (ATTRIBUTE.test(this.#source)) {
      this.#position = ATTRIBUTE.lastIndex
    }
    this.#skipSpace()
    const parent = open.at(-1)
    parent?.children.push(element)
    if (this.#source.startsWith('/>', this.#position)) {
      this.#position += 2
    } else if (this.#source.startsWith('>', this.#position)) {
      this.#position += 1
      open.push(element)
    } else {
      throw new S3Error('MalformedXML')
    }
    return parent === undefined ? element : undefined
  }

  #close(open: OpenElement[]): void {
    this.#position += 2
    const qualifiedName = this.#name()
    this.#skipSpace()
    if (!this.#source.startsWith('>', this.#position)) throw new S3Error('MalformedXML')
    this.#position += 1
    const element = open.pop()
    if (element === undefined || element.qualifiedName !== qualifiedName) throw new S3Error('MalformedXML')
    if (element.children.length > 0) element.text = ''
  }

  #text(raw: string, parent: OpenElement | undefined): void {
    if (parent === undefined) {
      if (raw.trim() !== '') throw new S3Error('MalformedXML')
    } else if (raw !== '') {
      if (parent.children.length > 0 && raw.trim() !== '') throw new S3Error('MalformedXML')
      parent.text += raw.includes('&') ? raw.replace(REFERENCE, expandReference) : raw
    }
  }

  #name(): string {
    NAME.lastIndex = this.#position
    const match = NAME.exec(this.#source)
    if (match === null) throw new S3Error('MalformedXML')
    this.#position = NAME.lastIndex
    return match[0]
  }

  #skipSpace(): void {
    while (/\s/.test(this.#source.charAt(this.#position))) this.#position += 1
  }

  #skipPast(marker: string): void {
    const found = this.#source.indexOf(marker, this.#position)
    if (found === -1) throw new S3Error('MalformedXML')
    this.#position = found + marker.length
  }
}

function expandReference(whole: string, decimal?: string, hexadecimal?: string, named?: string): string {
  if (named !== undefined) {
    const character = NAMED.get(named)
    if (character !== undefined) return character
  } else if (decimal !== undefined || hexadecimal !== undefined) {
    const point = decimal === undefined ? Number.parseInt(hexadecimal!, 16) : Number(decimal)
    if (point > 0 && point <= 0x10ffff && !(point >= 0xd800 && point <= 0xdfff)) {
      return String.fromCodePoint(point)
    }
  }
  throw new S3Error('MalformedXML', `The reference ${whole} is not known.`)
}
