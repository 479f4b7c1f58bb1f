import * as fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { signAnchor } from '../../src/audit/anchor.ts'
import { canonicalJson } from '../../src/audit/canonical-json.ts'
import type { Json } from '../../src/audit/canonical-json.ts'
import { signCheckpoint } from '../../src/audit/checkpoint.ts'
import type { AuditEntry } from '../../src/audit/entries.ts'
import { expectedHash } from '../../src/audit/row.ts'
import type { AuditRow } from '../../src/audit/row.ts'
import { verifyChain } from '../../src/audit/verify-chain.ts'
import type { ChainVerification } from '../../src/audit/verify-chain.ts'
import { chainOf, newSigner } from './samples.ts'

const { signer, verifier } = newSigner()
const ROWS = 12
const chain = chainOf(ROWS)
const checkpoint = signCheckpoint(chain.at(-1)!, '2026-11-22T00:01:00.000Z', signer)

const verify = (rows: readonly AuditRow[]): Promise<ChainVerification> =>
  verifyChain([...rows, checkpoint], [verifier])
const kinds = async (rows: readonly AuditRow[]): Promise<string[]> =>
  (await verify(rows)).problems.map(({ kind }) => kind)

/** What an attacker does who knows how rows are hashed. */
function relink(rows: readonly AuditRow[]): AuditRow[] {
  let previousHash = '0'.repeat(64)
  return rows.map((row, index) => {
    const linked = { ...row, sequence: index + 1, previousHash }
    previousHash = expectedHash(linked)
    return { ...linked, hash: previousHash }
  })
}

describe('verification of a chain', () => {
  it('accepts what was appended', async () => {
    expect(await verify(chain)).toEqual({
      ok: true,
      chain: 'acme',
      rows: ROWS,
      firstSequence: 1,
      lastSequence: ROWS,
      checkpoints: 1,
      signedUpTo: ROWS,
      prunedUpTo: 0,
      problems: [],
    })
  })

  it('finds any edit of any member of any row', async () => {
    const members = ['chain', 'sequence', 'previousHash', 'id', 'hash', 'event'] as const
    await fc.assert(
      fc.asyncProperty(fc.nat(ROWS - 1), fc.constantFrom(...members), async (index, member) => {
        const row = chain[index]!
        const value = {
          chain: 'other',
          sequence: row.sequence + 1,
          previousHash: 'f'.repeat(64),
          id: 'other',
          hash: 'f'.repeat(64),
          event: { ...row.event, version: 99 },
        }[member]
        const rows = chain.with(index, { ...row, [member]: value })
        expect((await verify(rows)).ok).toBe(false)
      }),
    )
  })

  it('finds any removal, and says which rows are gone', async () => {
    await fc.assert(
      fc.asyncProperty(fc.nat(ROWS - 1), fc.integer({ min: 1, max: ROWS }), async (from, count) => {
        const rows = chain.toSpliced(from, count)
        const { problems } = await verify(rows)
        const atEnd = from + count >= ROWS
        expect(problems).toMatchObject([{ kind: atEnd ? 'tail-missing' : 'missing', sequence: from + 1 }])
      }),
    )
  })

  it('finds any other order', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.shuffledSubarray([...chain], { minLength: ROWS, maxLength: ROWS }),
        async (rows) => {
          const inOrder = rows.every((row, index) => row.sequence === index + 1)
          expect((await verify(rows)).ok).toBe(inOrder)
        },
      ),
    )
  })

  it('finds edits, removals and reorderings by someone who computes all hashes anew', async () => {
    expect(await kinds(relink(chain.with(3, { ...chain[3]!, id: 'other' })))).toEqual(['checkpoint-mismatch'])
    expect(await kinds(relink(chain.toSpliced(3, 1)))).toEqual(['tail-missing'])
    expect(await kinds(relink([chain[1]!, chain[0]!, ...chain.slice(2)]))).toEqual(['checkpoint-mismatch'])
    expect(await kinds(relink([...chain, chain[0]!]))).toEqual([])
  })

  it('finds a row that is there twice and one of another chain', async () => {
    expect(await kinds(chain.toSpliced(4, 0, chain[3]!))).toEqual(['duplicated'])
    expect(await kinds(chain.toSpliced(4, 0, chainOf(1, 'other')[0]!))).toEqual(['foreign'])
  })

  it('takes no checkpoint of another key, and none that was altered', async () => {
    const forged = signCheckpoint(chain.at(-1)!, 'now', newSigner().signer)
    for (const bad of [forged, { ...checkpoint, hash: 'f'.repeat(64) }, { ...checkpoint, signature: '' }]) {
      const { problems } = await verifyChain([...chain, bad], [verifier])
      expect(problems.map(({ kind }) => kind)).toEqual(['checkpoint-forged'])
    }
  })

  it('finds a removed end by a checkpoint kept elsewhere', async () => {
    const { problems } = await verifyChain(chain.slice(0, 5), [verifier], { checkpoints: [checkpoint] })
    expect(problems).toMatchObject([{ kind: 'tail-missing', sequence: 6 }])
  })

  it('takes the beginning of a segment on trust, and only that', async () => {
    const segment = chain.slice(4, 9)
    expect((await verifyChain(segment, [verifier])).ok).toBe(false)
    expect((await verifyChain(segment, [verifier], { segment: true })).ok).toBe(true)
    expect((await verifyChain(segment.toSpliced(2, 1), [verifier], { segment: true })).ok).toBe(false)
  })
})

describe('verification of a chain whose oldest rows were removed', () => {
  const anchor = signAnchor(chain[4]!, 'now', 'then', signer)
  const left = chain.slice(5)
  const problems = async (entries: readonly AuditEntry[]): Promise<(string | number)[][]> =>
    (await verifyChain(entries, [verifier])).problems.map(({ kind, sequence }) => [kind, sequence])

  it('accepts what is left, wherever its anchor stands', async () => {
    for (const entries of [
      [anchor, ...left, checkpoint],
      [...left, checkpoint, anchor],
    ]) {
      expect(await verifyChain(entries, [verifier])).toMatchObject({
        ok: true,
        rows: ROWS - 5,
        firstSequence: 6,
        prunedUpTo: 5,
        signedUpTo: ROWS,
      })
    }
  })

  it('accepts rows whose removal has only begun, and compares them with the anchor', async () => {
    expect(await problems([anchor, ...chain.slice(2), checkpoint])).toEqual([])
    const edited = relink(chain.with(3, { ...chain[3]!, id: 'other' })).slice(0, 5)
    expect(await problems([anchor, ...edited])).toEqual([['anchor-mismatch', 5]])
  })

  it('finds rows removed beyond the anchor, in the middle and at the end', async () => {
    expect(await problems([anchor, ...left.slice(1), checkpoint])).toEqual([['missing', 6]])
    expect(await problems([anchor, ...left.toSpliced(2, 1), checkpoint])).toEqual([['missing', 8]])
    expect(await problems([anchor, ...left.slice(0, -1), checkpoint])).toEqual([['tail-missing', ROWS]])
    expect(await problems([anchor, checkpoint])).toEqual([['tail-missing', 6]])
  })

  it('finds edits and other rows in the place of those that are left', async () => {
    const edited = { ...left[2]!, event: { ...left[2]!.event, version: 99 } }
    expect((await problems([anchor, ...left.with(2, edited), checkpoint]))[0]).toEqual(['edited', 8])
    const other = chainOf(ROWS, 'acme').map((row) => ({ ...row, id: `x${row.id}` }))
    expect(await problems([anchor, ...relink(other).slice(5)])).toEqual([['anchor-mismatch', 5]])
    expect((await problems([anchor, ...left.with(0, left[1]!).with(1, left[0]!), checkpoint]))[0]).toEqual([
      'reordered',
      6,
    ])
  })

  it('takes no anchor of another key, none that was altered, none of another chain, and no checkpoint as one', async () => {
    const foreign = signAnchor({ ...chain[4]!, chain: 'other' }, 'now', 'then', signer)
    const { at, keyId, signature } = signCheckpoint(chain[4]!, 'now', signer)
    const { sequence, hash } = chain[4]!
    const recast = { chain: 'acme', sequence, hash, at, removedBefore: 'then', keyId, signature }
    for (const bad of [
      signAnchor(chain[4]!, 'now', 'then', newSigner().signer),
      { ...anchor, sequence: 6 },
      { ...anchor, removedBefore: 'later' },
      recast,
    ]) {
      expect((await problems([bad, ...left])).map(([kind]) => kind)).toEqual(['anchor-forged', 'missing'])
    }
    expect((await problems([foreign, ...left])).map(([kind]) => kind)).toEqual(['foreign', 'missing'])
    expect(await problems([...left, checkpoint])).toEqual([['missing', 1]])
  })
})

describe('canonical JSON', () => {
  it('orders members as RFC 8785 section 3.2.3 does', () => {
    const value = { '\u20ac': 1, '\r': 2, '\ufb33': 3, '1': 4, '\ud83d\ude00': 5, '\u0080': 6, '\u00f6': 7 }
    expect(canonicalJson(value)).toBe(
      '{"\\r":2,"1":4,"\u0080":6,"\u00f6":7,"\u20ac":1,"\ud83d\ude00":5,"\ufb33":3}',
    )
  })

  it('writes numbers as RFC 8785 section 3.2.2.3 does', () => {
    expect(canonicalJson([1 / 3, 1e30, 4.5, 2e-3, 0.000000000000000000000000001])).toBe(
      '[0.3333333333333333,1e+30,4.5,0.002,1e-27]',
    )
  })

  it('is the same after a round trip through JSON', () => {
    fc.assert(
      fc.property(fc.jsonValue(), (value) => {
        const text = canonicalJson(value as Json)
        expect(canonicalJson(JSON.parse(text) as Json)).toBe(text)
      }),
    )
  })
})
