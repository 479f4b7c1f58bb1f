import { createReadStream } from 'node:fs'
import type { SignedCheckpoint } from '../../audit/checkpoint.ts'
import { readNdjson } from '../../audit/ndjson.ts'
import { type ChainVerification, verifyChain } from '../../audit/verify-chain.ts'
import { verifiersIn } from './public-keys.ts'

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
