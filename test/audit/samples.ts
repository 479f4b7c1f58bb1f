import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { onTestFinished } from 'vitest'
import { newSigningKeyPem, signerFromPem, verifierFromPem } from '../../src/crypto/signature.ts'
import type { Signer, Verifier } from '../../src/crypto/signature.ts'
import type { AppendResult, AuditStore } from '../../src/audit/audit-store.ts'
import type { AuditEvent } from '../../src/audit/event.ts'
import { eventText } from '../../src/audit/event-text.ts'
import { linkRow, parseRow } from '../../src/audit/row.ts'
import type { AuditRow, PendingEntry } from '../../src/audit/row.ts'

export const START_MS = Date.parse('2026-11-22T00:00:00.000Z')

/** A directory that is gone when the test ends. */
export function temporaryDirectory(): string {
  const directory = mkdtempSync(join(tmpdir(), 'audit-'))
  onTestFinished(() => rmSync(directory, { recursive: true, force: true }))
  return directory
}

/** A key event of an organization. */
export function keyEvent(number: number, organization = 'acme'): AuditEvent {
  return {
    type: 'tenant-key.created',
    at: new Date(START_MS + number * 1000).toISOString(),
    authority: organization,
    organization,
    site: number % 2 === 0 ? 'even' : 'odd',
    app: 'jira',
    dataClass: 'issue',
    keyId: number.toString(16).padStart(32, '0'),
    version: number,
  }
}

/** The same as a store takes it. */
export function entry(number: number, organization = 'acme'): PendingEntry {
  return {
    chain: organization,
    id: `id-${organization}-${number}`,
    event: eventText(keyEvent(number, organization)),
  }
}

/** A whole chain of so many rows. */
export function chainOf(rows: number, organization = 'acme'): AuditRow[] {
  const chain: AuditRow[] = []
  let head = { sequence: 0, hash: '0'.repeat(64) }
  for (let number = 1; number <= rows; number += 1) {
    const row = linkRow(head, entry(number, organization))
    chain.push(parseRow(organization, row))
    head = row
  }
  return chain
}

export function newSigner(): { signer: Signer; verifier: Verifier } {
  const signer = signerFromPem(newSigningKeyPem())
  return { signer, verifier: verifierFromPem(signer.publicKeyPem) }
}

/** A store that can be made to fail or to wait. */
export class UnreliableStore implements AuditStore {
  readonly #store: AuditStore
  failing = false
  /** Appends the rows and reports a failure all the same. */
  losingAnswers = false
  held: Promise<void> | undefined
  appends = 0

  constructor(store: AuditStore) {
    this.#store = store
  }

  async append(entries: readonly PendingEntry[]): Promise<AppendResult[]> {
    this.appends += 1
    await this.held
    if (this.failing) throw new Error('the store is away')
    const results = await this.#store.append(entries)
    if (this.losingAnswers) throw new Error('the answer was lost')
    return results
  }

  heads: AuditStore['heads'] = () => this.#store.heads()
  rows: AuditStore['rows'] = (query) => this.#store.rows(query)
  addCheckpoint: AuditStore['addCheckpoint'] = (checkpoint) => this.#store.addCheckpoint(checkpoint)
  checkpoints: AuditStore['checkpoints'] = (...query) => this.#store.checkpoints(...query)
  newestCheckpoints: AuditStore['newestCheckpoints'] = () => this.#store.newestCheckpoints()
  cursors: AuditStore['cursors'] = (forwarder) => this.#store.cursors(forwarder)
  moveCursor: AuditStore['moveCursor'] = (...move) => this.#store.moveCursor(...move)
  claim: AuditStore['claim'] = (...claim) => this.#store.claim(...claim)
  release: AuditStore['release'] = (...claim) => this.#store.release(...claim)
  anchor: AuditStore['anchor'] = (chain) => this.#store.anchor(chain)
  prune: AuditStore['prune'] = (...anchor) => this.#store.prune(...anchor)
  addSigner: AuditStore['addSigner'] = (...signer) => this.#store.addSigner(...signer)
  signers: AuditStore['signers'] = () => this.#store.signers()
  close: AuditStore['close'] = () => this.#store.close()
}
