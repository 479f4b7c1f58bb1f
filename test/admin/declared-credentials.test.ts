import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { LOCALHOST_CERT, LOCALHOST_KEY } from '../config/support/tls.ts'
import { CLIENTS_CA } from '../support/certificates.ts'
import { type ApiGateway, ApiWorld } from './support/api-world.ts'
import { unreachableObjectStore } from '../support/unreachable-object-store.ts'

const SHA256 = '3f0a9be3a4c5d3a26cfa4ee1b9b2d37f2f0c8a4a1b9e6f0d7c5b3a2918e7d6c5'

let world: ApiWorld
let gateway: ApiGateway

beforeAll(async () => {
  world = await ApiWorld.start()
  const files = { 'tls.crt': LOCALHOST_CERT, 'tls.key': LOCALHOST_KEY, 'clients.crt': CLIENTS_CA }
  for (const [name, text] of Object.entries(files)) writeFileSync(join(world.directory, name), text)
  gateway = await world.gateway('declared', (configuration) => {
    configuration['organizations'] = [
      { id: 'one', location: 'europe', sites: [{ name: 'one', apps: [{ type: 'jira' }] }] },
      { id: 'two', location: 'europe', sites: [{ name: 'two', apps: [{ type: 'jira' }] }] },
    ]
    configuration['listener'].tls = { certFile: 'tls.crt', keyFile: 'tls.key', clientCaFile: 'clients.crt' }
    configuration['tokens'] = [{ name: 'tracker', sha256: SHA256, sites: ['one', 'two'] }]
    configuration['clientCertificates'] = [{ name: 'mesh', fingerprintSha256: SHA256, sites: ['one'] }]
    configuration['objectStores'] = [
      {
        ...unreachableObjectStore(),
        accessKeys: [
          {
            accessKeyId: 'PORTCULLISONE000001',
            secretAccessKey: { env: 'AWS_SECRET' },
            site: 'one',
            buckets: ['files'],
          },
        ],
      },
    ]
  })
})

afterAll(async () => {
  await world?.stop()
})

describe('credentials of the configuration file', () => {
  const unknownBirth = { managedBy: 'file', createdAt: null, createdBy: null, expiresAt: null }

  it('are listed for each organization that they reach, with its sites alone and no secret', async () => {
    expect((await gateway.organization('/one/tokens')).items).toEqual([
      {
        id: 'file:client-certificate:mesh',
        kind: 'client-certificate',
        name: 'mesh',
        sites: ['one'],
        ...unknownBirth,
      },
      { id: 'file:token:tracker', kind: 'token', name: 'tracker', sites: ['one'], ...unknownBirth },
    ])
    expect((await gateway.organization('/two/tokens')).items).toEqual([
      expect.objectContaining({ name: 'tracker', sites: ['two'] }),
    ])
    expect((await gateway.organization('/one/access-keys')).items).toEqual([
      {
        accessKeyId: 'PORTCULLISONE000001',
        name: 'PORTCULLISONE000001',
        site: 'one',
        app: 'jira',
        buckets: ['files'],
        ...unknownBirth,
      },
    ])
    expect((await gateway.organization('/two/access-keys')).items).toEqual([])
  })

  it.each(['tokens/file:token:tracker', 'access-keys/PORTCULLISONE000001'])(
    'are read and never revoked here: %s',
    async (path) => {
      expect(await gateway.organization(`/one/${path}`)).toMatchObject({ managedBy: 'file' })
      const refused = await gateway.api(`/admin/v1/organizations/one/${path}`, { method: 'DELETE' })
      expect(refused).toMatchObject({ status: 409, json: { rule: 'managed-by-file' } })
      expect(await gateway.organization(`/one/${path}`)).toMatchObject({ managedBy: 'file' })
    },
  )
})
