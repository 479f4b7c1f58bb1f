import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { exportJWK, generateKeyPair, SignJWT, type CryptoKey, type JWK } from 'jose'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { type ApiGateway, ApiWorld } from './support/api-world.ts'

let world: ApiWorld
let gateway: ApiGateway
let provider: Server
let issuer: string
let key: CryptoKey
let stranger: CryptoKey
let jwk: JWK
let reads = 0

beforeAll(async () => {
  const pair = await generateKeyPair('ES256')
  key = pair.privateKey
  jwk = { ...(await exportJWK(pair.publicKey)), kid: 'one', alg: 'ES256', use: 'sig' }
  stranger = (await generateKeyPair('ES256')).privateKey
  provider = createServer((request, response) => {
    response.setHeader('Content-Type', 'application/json')
    if (request.url === '/.well-known/openid-configuration') {
      response.end(JSON.stringify({ issuer, jwks_uri: `${issuer}/keys` }))
    } else {
      reads += 1
      response.end(JSON.stringify({ keys: [jwk] }))
    }
  })
  await new Promise<void>((resolve) => provider.listen(0, '127.0.0.1', resolve))
  issuer = `http://127.0.0.1:${(provider.address() as AddressInfo).port}`
  world = await ApiWorld.start()
  gateway = await world.gateway('oidc', (configuration) => {
    configuration['admin'].oidc = {
      issuer,
      audience: 'portcullis',
      rolesClaim: 'realm.roles',
      operatorRoles: ['ops'],
      auditorRoles: ['audit'],
      organizationAdminRoles: ['customer'],
      organizationClaim: 'org',
    }
  })
  for (const id of ['acme', 'globex']) await gateway.organization('', { body: { id, location: 'europe' } })
})

afterAll(async () => {
  await world?.stop()
  provider?.close()
})

interface Claims {
  readonly sub?: string
  readonly roles?: string[]
  readonly org?: string
  readonly iss?: string
  readonly aud?: string
  readonly exp?: string
}

async function token(claims: Claims, signer: CryptoKey = key, kid = 'one'): Promise<string> {
  const { sub = 'u1', roles = [], org, iss = issuer, aud = 'portcullis', exp = '5m' } = claims
  return await new SignJWT({
    realm: { roles },
    ...(org === undefined ? {} : { org }),
    preferred_username: `name-${sub}`,
  })
    .setProtectedHeader({ alg: 'ES256', kid })
    .setSubject(sub)
    .setIssuer(iss)
    .setAudience(aud)
    .setIssuedAt()
    .setExpirationTime(exp)
    .sign(signer)
}

const identity = async (bearer: string) => await gateway.api('/admin/v1/identity', { token: bearer })

describe('an identity of the provider', () => {
  it.each<[Claims, unknown]>([
    [{ roles: ['ops'] }, { name: 'name-u1', role: 'operator', organization: null }],
    [{ roles: ['audit', 'x'] }, { role: 'auditor', organization: null }],
    [
      { roles: ['customer'], org: 'acme' },
      { role: 'org-admin', organization: 'acme' },
    ],
  ])('has the role that its claims %j map to', async (claims, expected) => {
    expect(await identity(await token(claims))).toMatchObject({ status: 200, json: expected })
  })

  it('is bound to its organization', async () => {
    const bearer = await token({ roles: ['customer'], org: 'acme' })
    expect(await gateway.api('/admin/v1/organizations/acme', { token: bearer })).toMatchObject({
      status: 200,
    })
    expect(await gateway.api('/admin/v1/organizations/globex', { token: bearer })).toMatchObject({
      status: 404,
    })
  })

  it('may have a role that the API bound to its subject, until that is revoked', async () => {
    const bearer = await token({ sub: 'bound' })
    expect(await identity(bearer)).toMatchObject({ status: 403 })
    const body = { name: 'Bo', subject: 'bound', role: 'auditor' }
    const bound = await gateway.organization('/globex/administrators', { body })
    expect(bound).toMatchObject({ kind: 'oidc', token: null })
    expect(await identity(bearer)).toMatchObject({
      status: 200,
      json: { role: 'auditor', organization: 'globex' },
    })
    const again = await gateway.api('/admin/v1/organizations/acme/administrators', { body })
    expect(again).toMatchObject({ status: 409, json: { rule: 'subject-taken' } })
    await gateway.organization(`/globex/administrators/${bound.id as string}`, { method: 'DELETE' })
    expect(await identity(bearer)).toMatchObject({ status: 403 })
  })

  it.each<[string, () => Promise<string>]>([
    ['expired', () => token({ roles: ['ops'], exp: '-5m' })],
    ['for another audience', () => token({ roles: ['ops'], aud: 'other' })],
    ['of another issuer', () => token({ roles: ['ops'], iss: 'https://evil.example' })],
    ['signed by another key', () => token({ roles: ['ops'] }, stranger)],
    ['signed by an unknown key', () => token({ roles: ['ops'] }, stranger, 'two')],
    ['without a role', () => token({ roles: ['nothing'] })],
    ['of an organization that is none', () => token({ roles: ['customer'], org: 'nobody' })],
    ['of no organization', () => token({ roles: ['customer'] })],
    [
      'unsigned',
      async () => {
        const [, payload] = (await token({ roles: ['ops'] })).split('.')
        return `${Buffer.from('{"alg":"none"}').toString('base64url')}.${payload}.`
      },
    ],
    [
      'signed with the public key as a secret',
      async () =>
        await new SignJWT({ realm: { roles: ['ops'] } })
          .setProtectedHeader({ alg: 'HS256', kid: 'one' })
          .setSubject('u1')
          .setIssuer(issuer)
          .setAudience('portcullis')
          .setExpirationTime('5m')
          .sign(Buffer.from(JSON.stringify(jwk))),
    ],
    [
      'changed',
      async () => {
        const [head, , signature] = (await token({ roles: ['audit'] })).split('.')
        const [, payload] = (await token({ roles: ['ops'] })).split('.')
        return `${head}.${payload}.${signature}`
      },
    ],
  ])('is refused when it is %s', async (_what, make) => {
    expect(await identity(await make())).toMatchObject({
      status: 403,
      json: { reason: 'credentials-refused' },
    })
  })

  it('does not make the provider be asked for every token', async () => {
    const before = reads
    for (let count = 0; count < 5; count += 1) {
      await identity(await token({ roles: ['ops'] }))
      await identity(await token({ roles: ['ops'] }, stranger, `unknown-${count}`))
    }
    expect(reads - before).toBeLessThanOrEqual(1)
  })
})

describe('a provider that cannot be reached', () => {
  it('refuses identities with 503, and tokens of the configuration still work', async () => {
    const away = await world.gateway('away', (configuration) => {
      configuration['admin'].oidc = {
        issuer: 'http://127.0.0.1:1',
        audience: 'portcullis',
        operatorRoles: ['ops'],
      }
    })
    expect(await away.api('/admin/v1/identity', { token: await token({ roles: ['ops'] }) })).toMatchObject({
      status: 503,
    })
    expect(await away.api('/admin/v1/identity')).toMatchObject({ status: 200 })
  })
})
