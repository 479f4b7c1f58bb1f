import { createReadStream } from 'node:fs'
import { readFile } from 'node:fs/promises'
import type { SignedCheckpoint } from '../../audit/checkpoint.ts'
import { readNdjson } from '../../audit/ndjson.ts'
import { type ChainVerification, verifyChain } from '../../audit/verify-chain.ts'
import { type Verifier, verifierFromPem } from '../../crypto/signature.ts'

const PEM = /-----BEGIN PUBLIC KEY-----[^-]+-----END PUBLIC KEY-----/g

/** Proves an export with nothing but public keys, and with checkpoints that were put aside earlier. */
export async function verifyExport(
  source: AsyncIterable<Uint8Array>,
  publicKeyFiles: readonly string[],
  checkpointFiles: readonly string[],
): Promise<ChainVerification> {
  const keys = await Promise.all(publicKeyFiles.map(verifiersIn))
  const entries = readNdjson(source)
  const first = await entries.next()
  const chain = first.done === true ? undefined : first.value.chain
  const checkpoints: SignedCheckpoint[] = []
  for (const file of checkpointFiles) {
    for await (const entry of readNdjson(createReadStream(file))) {
      const isCheckpoint = !('event' in entry) && !('removedBefore' in entry)
      if (isCheckpoint && entry.chain === (chain ?? entry.chain)) checkpoints.push(entry)
    }
  }
  async function* all() {
    if (first.done === true) return
    yield first.value
    yield* entries
  }
  return await verifyChain(all(), keys.flat(), { checkpoints })
}

async function verifiersIn(file: string): Promise<Verifier[]> {
  const found = (await readFile(file, 'utf8')).match(PEM) ?? []
  if (found.length === 0) throw new TypeError(`${file} holds no public key (PEM)`)
  return found.map(verifierFromPem)
}
