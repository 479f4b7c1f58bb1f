import { createHash } from 'node:crypto'
import { describe, expect, it } from 'vitest'
import { PortcullisError } from '../../src/errors.ts'
import { DirectoryHolder } from '../../src/tenant/directory-holder.ts'
import { Directory, type DirectoryInput } from '../../src/tenant/directory.ts'
import { readableApps, resolveTenant, selectApp, type TenantClaim } from '../../src/tenant/resolve.ts'

const TOKEN = 'tracker-token-tracker-token'
const WIKI_TOKEN = 'wiki-token-wiki-token-wiki'

function keySet(accountId: string, regions: readonly string[]) {
  return {
    accountId,
    roleArn: `arn:aws:iam::${accountId}:role/portcullis`,
    externalId: `external-${accountId}`,
    keys: Object.fromEntries(regions.map((region) => [region, `arn:aws:kms:${region}:${accountId}:key/k`])),
  }
}

const INPUT: DirectoryInput = {
  organizations: [
    {
      id: 'acme',
      location: 'europe',
      // In the other order than the location has them.
      byok: keySet('111122223333', ['eu-west-1', 'eu-central-1']),
      sites: [
        {
          name: 'acme',
          hosts: ['acme.example'],
          apps: [
            { type: 'jira', byok: true },
            { type: 'jira-service-management', byok: true },
            { type: 'confluence', byok: false },
          ],
        },
        { name: 'acme-service', hosts: [], apps: [{ type: 'jira-service-management', byok: true }] },
      ],
    },
    {
      id: 'plain',
      location: 'europe',
      sites: [{ name: 'plain', hosts: ['plain.example'], apps: [{ type: 'confluence', byok: false }] }],
    },
  ],
  vendorKeys: [{ location: 'europe', ...keySet('999988887777', ['eu-central-1', 'eu-west-1']) }],
  tokens: [
    {
      name: 'tracker',
      sha256: createHash('sha256').update(TOKEN).digest('hex'),
      sites: ['acme', 'acme-service'],
    },
    { name: 'wiki', sha256: createHash('sha256').update(WIKI_TOKEN).digest('hex'), sites: ['plain'] },
  ],
  clientCertificates: [
    { name: 'pinned', fingerprintSha256: 'ab'.repeat(32), sites: ['acme'] },
    { name: 'named', subjectAltName: 'URI:spiffe://vendor.example/tracker', sites: ['plain'] },
  ],
}

const directory = new Directory(INPUT)
const JIRA = ['jira', 'jira-service-management'] as const

function claim(parts: Partial<TenantClaim>): TenantClaim {
  return { authorization: `Bearer ${TOKEN}`, tenant: 'acme', tenantApp: undefined, host: undefined, ...parts }
}

function refusal(run: () => unknown): string {
  try {
    run()
  } catch (error) {
    if (error instanceof PortcullisError) return `${error.status} ${error.code}`
    throw error
  }
  return 'none'
}

describe('the directory', () => {
  it('has an authority for each BYOK configuration and for each location of the vendor, primary region first', () => {
    expect(
      directory.authorities.map(({ id, kind, keys }) => [id, kind, keys.map(({ region }) => region)]),
    ).toEqual([
      ['acme', 'byok', ['eu-central-1', 'eu-west-1']],
      ['vendor:europe', 'vendor', ['eu-central-1', 'eu-west-1']],
    ])
    expect(directory.authorityById('acme')?.roleArn).toBe('arn:aws:iam::111122223333:role/portcullis')
  })

  it('puts apps that are not BYOK under the keys of the vendor, beside BYOK apps of the same site', () => {
    const site = directory.siteByName('acme')!
    expect(site.app('jira')?.authority.id).toBe('acme')
    expect(site.app('confluence')?.authority.id).toBe('vendor:europe')
  })

  it('knows all apps of an authority', () => {
    const names = (id: string) => directory.appsOf(id).map(({ site, app }) => `${site} ${app}`)
    expect(names('acme')).toEqual([
      'acme jira',
      'acme jira-service-management',
      'acme-service jira-service-management',
    ])
    expect(names('vendor:europe')).toEqual(['acme confluence', 'plain confluence'])
    expect(names('nobody')).toEqual([])
  })

  it('gives out the same app object every time, so that it can key caches', () => {
    const site = directory.siteByName('acme')!
    expect(selectApp(site, JIRA)).toBe(selectApp(directory.siteByHost('acme.example')!, JIRA))
  })

  it.each([['acme.example'], ['ACME.example'], ['acme.example:8080']])(
    'finds the site of host %j',
    (host) => {
      expect(directory.siteByHost(host)?.name).toBe('acme')
    },
  )

  it.each([[''], ['example'], ['xacme.example'], ['acme.example.'], ['__proto__']])(
    'finds no site of host %j',
    (host) => {
      expect(directory.siteByHost(host)).toBeUndefined()
    },
  )

  it('refuses to be built with a site twice, a missing authority, a missing region or a token twice', () => {
    const [acme, plain] = INPUT.organizations
    expect(
      () => new Directory({ ...INPUT, organizations: [acme!, { ...plain!, sites: acme!.sites }] }),
    ).toThrow('appears twice')
    expect(() => new Directory({ ...INPUT, vendorKeys: [] })).toThrow('vendor:europe')
    expect(() => new Directory({ ...INPUT, organizations: [{ ...acme!, location: 'usa' }] })).toThrow(
      'us-east-1',
    )
    expect(() => new Directory({ ...INPUT, tokens: [INPUT.tokens[0]!, INPUT.tokens[0]!] })).toThrow(
      'another entry',
    )
    expect(() => new Directory({ ...INPUT, tokens: [{ name: 'x', sha256: TOKEN, sites: [] }] })).toThrow(
      'SHA-256',
    )
  })

  it('is swapped as a whole, and those who hold it are told', () => {
    const holder = new DirectoryHolder(directory)
    const seen: unknown[] = []
    holder.onSwap((current, previous) => seen.push(current, previous))
    const next = new Directory({ ...INPUT, organizations: [], tokens: [] })
    const before = holder.current
    holder.swap(next)
    expect(before.siteByName('acme')).toBeDefined()
    expect(holder.current).toBe(next)
    expect(seen).toEqual([next, directory])
  })
})

describe('a request', () => {
  it('is resolved by token and header', () => {
    const { caller, site, app } = resolveTenant(directory, claim({}), JIRA)
    expect([caller.name, site.name, app.app, app.organization]).toEqual(['tracker', 'acme', 'jira', 'acme'])
  })

  it('is resolved by token and host', () => {
    expect(
      resolveTenant(directory, claim({ tenant: undefined, host: 'acme.example:443' }), JIRA).site.name,
    ).toBe('acme')
  })

  it.each([['bearer'], ['BEARER'], ['Bearer ']])('takes the scheme as %j', (scheme) => {
    expect(resolveTenant(directory, claim({ authorization: `${scheme} ${TOKEN} ` }), JIRA).caller.name).toBe(
      'tracker',
    )
  })

  it('is refused with 401 without credentials', () => {
    expect(refusal(() => resolveTenant(directory, claim({ authorization: undefined }), JIRA))).toBe(
      '401 credentials-required',
    )
  })

  it.each([
    ['Bearer wrong-token'],
    ['Basic dXNlcjpwYXNz'],
    [''],
    ['Bearer '],
    [TOKEN],
    [`Bearer ${TOKEN}x`],
    [`Bearer ${TOKEN}, Bearer ${TOKEN}`],
    [`Bearer ${'x'.repeat(100_000)}`],
  ])('is refused with 403 with wrong credentials', (authorization) => {
    expect(refusal(() => resolveTenant(directory, claim({ authorization }), JIRA))).toBe(
      '403 credentials-refused',
    )
  })

  it('is refused with 403 with the token of another tenant', () => {
    expect(
      refusal(() => resolveTenant(directory, claim({ authorization: `Bearer ${WIKI_TOKEN}` }), JIRA)),
    ).toBe('403 credentials-refused')
  })

  it('does not learn without credentials whether a tenant exists', () => {
    for (const tenant of ['acme', 'nobody']) {
      expect(refusal(() => resolveTenant(directory, claim({ authorization: undefined, tenant }), JIRA))).toBe(
        '401 credentials-required',
      )
    }
  })

  it.each([['nobody'], ['ACME'], [''], ['acme, acme'], ['__proto__']])(
    'is refused with 404 for the tenant %j',
    (tenant) => {
      expect(refusal(() => resolveTenant(directory, claim({ tenant }), JIRA))).toBe('404 tenant-unknown')
    },
  )

  it('is refused with 400 without a tenant', () => {
    const nowhere = claim({ tenant: undefined, host: 'gateway.example' })
    expect(refusal(() => resolveTenant(directory, nowhere, JIRA))).toBe('400 tenant-required')
  })

  it('is refused with 400 when host and header name different tenants', () => {
    const twofold = claim({ tenant: 'acme', host: 'plain.example' })
    expect(refusal(() => resolveTenant(directory, twofold, JIRA))).toBe('400 request-malformed')
  })

  it('goes to the app that it names, or else to the first of the store that the site has', () => {
    const app = (parts: Partial<TenantClaim>) => resolveTenant(directory, claim(parts), JIRA).app.app
    expect(app({})).toBe('jira')
    expect(app({ tenantApp: 'jira-service-management' })).toBe('jira-service-management')
    expect(app({ tenant: 'acme-service' })).toBe('jira-service-management')
  })

  it('is refused when the site or the store lacks the app', () => {
    const named = (tenantApp: string) =>
      refusal(() => resolveTenant(directory, claim({ tenant: 'acme-service', tenantApp }), JIRA))
    expect(named('jira')).toBe('404 tenant-unknown')
    expect(named('confluence')).toBe('400 request-malformed')
    expect(refusal(() => resolveTenant(directory, claim({ tenant: 'acme-service' }), ['confluence']))).toBe(
      '404 tenant-unknown',
    )
  })

  it('may read with the keys of every app of the store that the site has', () => {
    expect(readableApps(directory.siteByName('acme')!, JIRA).map(({ app }) => app)).toEqual([...JIRA])
    expect(readableApps(directory.siteByName('acme-service')!, JIRA).map(({ app }) => app)).toEqual([
      'jira-service-management',
    ])
  })
})

describe('a client certificate', () => {
  const pinned = {
    fingerprint256: Array.from({ length: 32 }, () => 'AB').join(':'),
    subjectaltname: 'DNS:other.example',
  }
  const anonymous = { fingerprint256: '00:11', subjectaltname: undefined }
  const byCertificate = (
    certificate: Parameters<typeof directory.callerByCertificate>[0],
    tenant: string,
    storeApps: Parameters<typeof resolveTenant>[2],
  ) => resolveTenant(directory, claim({ authorization: undefined, tenant }), storeApps, certificate)

  it('stands for a token by its fingerprint', () => {
    expect(byCertificate(pinned, 'acme', JIRA).caller.name).toBe('pinned')
  })

  it('stands for a token by one of its names', () => {
    const subjectaltname = 'DNS:a.example, URI:spiffe://vendor.example/tracker'
    expect(byCertificate({ ...anonymous, subjectaltname }, 'plain', ['confluence']).caller.name).toBe('named')
  })

  it('is refused when it is not registered, and for other tenants', () => {
    expect(refusal(() => byCertificate(anonymous, 'acme', JIRA))).toBe('403 credentials-refused')
    expect(refusal(() => byCertificate(pinned, 'plain', ['confluence']))).toBe('403 credentials-refused')
  })

  it('cannot smuggle in a name within another name', () => {
    const subjectaltname = 'DNS:"evil.example, URI:spiffe://vendor.example/tracker"'
    expect(refusal(() => byCertificate({ ...anonymous, subjectaltname }, 'plain', ['confluence']))).toBe(
      '403 credentials-refused',
    )
  })

  it('does not save a wrong token', () => {
    const wrong = claim({ authorization: 'Bearer wrong' })
    expect(refusal(() => resolveTenant(directory, wrong, JIRA, pinned))).toBe('403 credentials-refused')
  })
})
