import { randomBytes } from 'node:crypto'

const prefix = randomBytes(9).toString('base64url')
let count = 0

/** A request identifier unique across replicas: a random part per process and a counter. */
export function nextRequestId(): string {
  count += 1
  return `${prefix}-${count.toString(36)}`
}
