import type { WrappedTenantKey } from '../../src/keyring/wrapped-key-store.ts'

/** A wrapped key with an identifier made of one byte; members can be replaced. */
export function wrappedKey(byte: number, members: Partial<WrappedTenantKey> = {}): WrappedTenantKey {
  return {
    keyId: Buffer.alloc(16, byte).toString('hex'),
    organization: 'acme',
    site: 'acme-one',
    app: 'jira',
    dataClass: 'issue',
    authorityId: 'acme',
    version: 1,
    createdAt: '2026-11-22T01:02:03.004Z',
    copies: [
      { region: 'eu-west-1', keyArn: 'arn:2', ciphertext: new Uint8Array([byte, 2]) },
      { region: 'eu-central-1', keyArn: 'arn:1', ciphertext: new Uint8Array([byte, 1]) },
    ],
    ...members,
  }
}
