const LINE_FEED = 0x0a

/** Lines of a UTF-8 stream without their line feeds. Throws `RangeError` when one is longer than `lineBytesMax`. */
export async function* linesOf(
  source: AsyncIterable<Uint8Array>,
  lineBytesMax: number,
): AsyncGenerator<string> {
  let parts: Buffer[] = []
  let bytes = 0
  for await (const chunk of source) {
    const data = Buffer.from(chunk.buffer, chunk.byteOffset, chunk.byteLength)
    let start = 0
    for (let end = data.indexOf(LINE_FEED); end >= 0; end = data.indexOf(LINE_FEED, start)) {
      parts.push(data.subarray(start, end))
      if (bytes + end - start > lineBytesMax)
        throw new RangeError(`a line is longer than ${lineBytesMax} bytes`)
      yield Buffer.concat(parts).toString('utf8')
      parts = []
      bytes = 0
      start = end + 1
    }
    // copied: the source may use its buffer again
    parts.push(Buffer.from(data.subarray(start)))
    bytes += data.length - start
    if (bytes > lineBytesMax) throw new RangeError(`a line is longer than ${lineBytesMax} bytes`)
  }
  if (bytes > 0) yield Buffer.concat(parts).toString('utf8')
}
