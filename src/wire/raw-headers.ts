/**
 * Headers as they came over the wire: names and values alternating, order and case kept
 * (the shape of node:http `rawHeaders` and of what `writeHead` and undici accept).
 */
export type RawHeaders = string[]

/** First value of a header in a raw list, by lower-case name. */
export function headerValue(headers: RawHeaders, lowerCaseName: string): string | undefined {
  for (let index = 0; index < headers.length; index += 2) {
    const name = headers[index]!
    if (name.length === lowerCaseName.length && name.toLowerCase() === lowerCaseName)
      return headers[index + 1]
  }
  return undefined
}
