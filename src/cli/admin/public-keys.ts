import { readFile } from 'node:fs/promises'
import { type Verifier, verifierFromPem } from '../../crypto/signature.ts'

const PEM = /-----BEGIN PUBLIC KEY-----[^-]+-----END PUBLIC KEY-----/g

/** Verifiers of every public key in a PEM file. Throws `TypeError` when there is none. */
export async function verifiersIn(file: string): Promise<Verifier[]> {
  const found = (await readFile(file, 'utf8')).match(PEM) ?? []
  if (found.length === 0) throw new TypeError(`${file} holds no public key (PEM)`)
  return found.map(verifierFromPem)
}
