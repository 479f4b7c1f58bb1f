const POLYNOMIAL = 0x82f63b78
const SLICES = 16

// TABLE[256 * slice + byte]: the effect of a byte that is followed by `slice` further bytes.
const TABLE = new Int32Array(256 * SLICES)
for (let byte = 0; byte < 256; byte += 1) {
  let crc = byte
  for (let bit = 0; bit < 8; bit += 1) crc = (crc & 1) === 1 ? (crc >>> 1) ^ POLYNOMIAL : crc >>> 1
  TABLE[byte] = crc
}
for (let index = 256; index < TABLE.length; index += 1) {
  const previous = TABLE[index - 256]!
  TABLE[index] = (previous >>> 8) ^ TABLE[previous & 0xff]!
}

/** CRC-32C (Castagnoli, RFC 3720 appendix B.4) of `data`, continuing from `previous`. */
export function crc32c(data: Uint8Array, previous = 0): number {
  let crc = ~previous
  let index = 0
  const wholeEnd = data.length - (data.length % SLICES)
  for (; index < wholeEnd; index += SLICES) {
    crc =
      TABLE[3840 + (data[index]! ^ (crc & 0xff))]! ^
      TABLE[3584 + (data[index + 1]! ^ ((crc >>> 8) & 0xff))]! ^
      TABLE[3328 + (data[index + 2]! ^ ((crc >>> 16) & 0xff))]! ^
      TABLE[3072 + (data[index + 3]! ^ (crc >>> 24))]! ^
      TABLE[2816 + data[index + 4]!]! ^
      TABLE[2560 + data[index + 5]!]! ^
      TABLE[2304 + data[index + 6]!]! ^
      TABLE[2048 + data[index + 7]!]! ^
      TABLE[1792 + data[index + 8]!]! ^
      TABLE[1536 + data[index + 9]!]! ^
      TABLE[1280 + data[index + 10]!]! ^
      TABLE[1024 + data[index + 11]!]! ^
      TABLE[768 + data[index + 12]!]! ^
      TABLE[512 + data[index + 13]!]! ^
      TABLE[256 + data[index + 14]!]! ^
      TABLE[data[index + 15]!]!
  }
  for (; index < data.length; index += 1) crc = TABLE[(crc ^ data[index]!) & 0xff]! ^ (crc >>> 8)
  return ~crc >>> 0
}
