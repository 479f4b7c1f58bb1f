const POLYNOMIAL_HIGH = 0x9a6c9329 | 0
const POLYNOMIAL_LOW = 0xac4bc9b5 | 0
const SLICES = 8

// The 64-bit tables of slicing-by-8 in two halves, as there is no fast 64-bit integer in JavaScript.
const HIGH = new Int32Array(256 * SLICES)
const LOW = new Int32Array(256 * SLICES)
for (let byte = 0; byte < 256; byte += 1) {
  let high = 0
  let low = byte
  for (let bit = 0; bit < 8; bit += 1) {
    const carry = low & 1
    low = (low >>> 1) | (high << 31)
    high = high >>> 1
    if (carry === 1) {
      high ^= POLYNOMIAL_HIGH
      low ^= POLYNOMIAL_LOW
    }
  }
  HIGH[byte] = high
  LOW[byte] = low
}
for (let index = 256; index < HIGH.length; index += 1) {
  const high = HIGH[index - 256]!
  const low = LOW[index - 256]!
  HIGH[index] = (high >>> 8) ^ HIGH[low & 0xff]!
  LOW[index] = ((low >>> 8) | (high << 24)) ^ LOW[low & 0xff]!
}

/** CRC-64/NVME (NVM Express NVM Command Set 5.2.1.3.4) over data pushed in pieces. */
export class Crc64Nvme {
  #high = -1
  #low = -1

  update(data: Uint8Array): void {
    let high = this.#high
    let low = this.#low
    let index = 0
    const wholeEnd = data.length - (data.length % SLICES)
    for (; index < wholeEnd; index += SLICES) {
      const byte0 = 1792 + ((low ^ data[index]!) & 0xff)
      const byte1 = 1536 + (((low >>> 8) ^ data[index + 1]!) & 0xff)
      const byte2 = 1280 + (((low >>> 16) ^ data[index + 2]!) & 0xff)
      const byte3 = 1024 + ((low >>> 24) ^ data[index + 3]!)
      const byte4 = 768 + ((high ^ data[index + 4]!) & 0xff)
      const byte5 = 512 + (((high >>> 8) ^ data[index + 5]!) & 0xff)
      const byte6 = 256 + (((high >>> 16) ^ data[index + 6]!) & 0xff)
      const byte7 = (high >>> 24) ^ data[index + 7]!
      high =
        HIGH[byte0]! ^
        HIGH[byte1]! ^
        HIGH[byte2]! ^
        HIGH[byte3]! ^
        HIGH[byte4]! ^
        HIGH[byte5]! ^
        HIGH[byte6]! ^
        HIGH[byte7]!
      low =
        LOW[byte0]! ^
        LOW[byte1]! ^
        LOW[byte2]! ^
        LOW[byte3]! ^
        LOW[byte4]! ^
        LOW[byte5]! ^
        LOW[byte6]! ^
        LOW[byte7]!
    }
    for (; index < data.length; index += 1) {
      const byte = (low ^ data[index]!) & 0xff
      low = ((low >>> 8) | (high << 24)) ^ LOW[byte]!
      high = (high >>> 8) ^ HIGH[byte]!
    }
    this.#high = high
    this.#low = low
  }

  /** 8 bytes, big-endian. */
  digest(): Buffer {
    const bytes = Buffer.allocUnsafe(8)
    bytes.writeInt32BE(~this.#high, 0)
    bytes.writeInt32BE(~this.#low, 4)
    return bytes
  }
}
