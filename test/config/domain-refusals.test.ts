import { describe, expect, it } from 'vitest'
import { LOCATIONS } from '../../src/config/locations.ts'
import { BASE, edited, expectFinding, findingsOf } from './support/base.ts'

const ACME_ROLE = 'arn:aws:iam::111122223333:role/portcullis'
const ACME_KEY_1 = 'arn:aws:kms:eu-central-1:111122223333:key/mrk-22222222222222222222222222222222'
const ACME_KEY_2 = 'arn:aws:kms:eu-west-1:111122223333:key/mrk-22222222222222222222222222222222'
const UMBRELLA_KEY = 'arn:aws:kms:eu-central-1:444455556666:key/33333333-3333-3333-3333-333333333333'

it('takes the base configuration without a finding', () => {
  expect(findingsOf(BASE)).toEqual([])
})

describe('organizations', () => {
  it('refuses a second configuration of one organization', () => {
    const text = edited('- id: umbrella', '- id: acme # second').replace('- id: acme # second', '- id: acme')
    const finding = findingsOf(text).find(({ rule }) => rule === 'organization-duplicate')
    expect(finding).toMatchObject({ line: 48, column: 9, path: 'organizations[1].id', severity: 'error' })
    expect(finding?.reason).toContain('organizations[0].id')
  })

  it.each([['Umbrella'], ['um brella'], ['-umbrella'], ['vendor:europe'], ['u_1']])(
    'refuses the organization ID %j',
    (id) => {
      expectFinding(edited('- id: umbrella', `- id: "${id}"`), 'organization-id', `"${id}"`)
    },
  )
})

describe('accounts', () => {
  it.each([
    ['11112222333', 'has 12 digits, this one has 11'],
    ['1111222233334', 'has 12 digits, this one has 13'],
    ['1111222233AB', 'no letters'],
    ['1111 2222 3333', 'no spaces'],
    ['1111-2222-3333', 'nothing but digits'],
    ['１１１１２２２２３３３３', 'nothing but digits'],
  ])('refuses the account ID %j', (accountId, reason) => {
    const text = edited('accountId: "111122223333"', `accountId: "${accountId}"`)
    expect(expectFinding(text, 'account-id', `"${accountId}"`).reason).toContain(reason)
  })

  it('refuses an account ID without quotes, whose leading zeros YAML would lose', () => {
    const text = edited('accountId: "111122223333"', 'accountId: 012345678901')
    expect(expectFinding(text, 'type', '012345678901').remedy).toContain('in quotes')
  })

  it('refuses the account of the vendor as that of a customer', () => {
    const text = edited('accountId: "444455556666"', 'accountId: "999988887777" # umbrella')
    expectFinding(text, 'account-vendor', '"999988887777" # umbrella')
  })

  it('refuses a role of another account', () => {
    const role = 'arn:aws:iam::555566667777:role/portcullis'
    expect(expectFinding(edited(ACME_ROLE, role), 'role-account', role).reason).toContain('555566667777')
  })

  it.each([
    ['arn:aws:iam::111122223333:user/portcullis'],
    ['arn:aws:iam:eu-west-1:111122223333:role/portcullis'],
    ['arn:aws:iam::11112222333:role/portcullis'],
    ['role/portcullis'],
  ])('refuses %j as a role', (role) => {
    expectFinding(edited(ACME_ROLE, role), 'role-arn', role)
  })

  it('refuses a role of another partition', () => {
    const role = 'arn:aws-cn:iam::111122223333:role/portcullis'
    expectFinding(edited(ACME_ROLE, role), 'arn-partition', role)
  })

  it.each([['x'], ['has space'], ['hash#']])('refuses the ExternalId %j', (externalId) => {
    expectFinding(edited('acme-external-id', `"${externalId}"`), 'external-id', `"${externalId}"`)
  })

  it('takes ExternalIds of 2 and of 1224 characters and refuses one of 1225', () => {
    expect(findingsOf(edited('acme-external-id', 'xx'))).toEqual([])
    expect(findingsOf(edited('acme-external-id', 'x'.repeat(1224)))).toEqual([])
    const tooLong = 'x'.repeat(1225)
    expectFinding(edited('acme-external-id', tooLong), 'external-id', tooLong)
  })

  it('refuses an ExternalId that two organizations share', () => {
    const text = edited('umbrella-external-id', 'acme-external-id # shared')
    expectFinding(text, 'external-id-shared', 'acme-external-id # shared')
  })

  it('requires an ExternalId', () => {
    const finding = expectFinding(
      edited('      externalId: acme-external-id\n', ''),
      'missing-key',
      'byok:\n      accountId: "111122223333"',
    )
    expect(finding.path).toBe('organizations[0].byok.externalId')
  })
})

describe('locations and regions', () => {
  it('knows ten locations, of which Europe and the USA have two regions', () => {
    expect(LOCATIONS).toHaveLength(10)
    expect(LOCATIONS.filter(({ regions }) => regions.length === 2).map(({ id }) => id)).toEqual([
      'europe',
      'usa',
    ])
  })

  it.each([
    ['Germany', 'Write germany'],
    ['United Kingdom', 'Write united-kingdom'],
    ['eu-central-1', 'europe, germany'],
    ['mars', 'Choose one of'],
  ])('refuses the location %j', (location, remedy) => {
    const text = edited('location: germany', `location: ${location} # here`)
    expect(expectFinding(text, 'location', `${location} # here`).remedy).toContain(remedy)
  })

  it.each(LOCATIONS.map(({ id, regions }) => [id, regions] as const))(
    'takes %s with a key in each region',
    (id, regions) => {
      const keys = regions.map(
        (region) => `${region}: arn:aws:kms:${region}:444455556666:key/mrk-${'4'.repeat(32)}`,
      )
      const text = edited(`eu-central-1: ${UMBRELLA_KEY}`, keys.join('\n        ')).replace(
        'location: germany',
        `location: ${id}`,
      )
      expect(findingsOf(text)).toEqual([])
    },
  )

  it('refuses a location of two regions with a key in one, and names the location that fits', () => {
    const text = edited(`        eu-west-1: ${ACME_KEY_2}\n`, '')
    const finding = expectFinding(text, 'key-region-missing', `eu-central-1: ${ACME_KEY_1}`)
    expect(finding.reason).toContain('eu-west-1')
    expect(finding.remedy).toContain('germany')
  })

  it('refuses a location of one region with keys in two, and names the home of the other region', () => {
    const extra = 'eu-west-1: arn:aws:kms:eu-west-1:444455556666:key/33333333-3333-3333-3333-333333333333'
    const text = edited(UMBRELLA_KEY, `${UMBRELLA_KEY}\n        ${extra}`)
    expect(expectFinding(text, 'key-region-outside', extra).reason).toContain('europe')
  })

  it('refuses a key under something that is no region', () => {
    const text = edited(`eu-west-1: ${ACME_KEY_2}`, `ireland: ${ACME_KEY_2}`)
    expect(expectFinding(text, 'key-region-outside', 'ireland').reason).toContain('not an AWS region')
  })

  it('refuses a region named __proto__', () => {
    expectFinding(
      edited(`eu-west-1: ${ACME_KEY_2}`, `__proto__: ${ACME_KEY_2}`),
      'key-region-outside',
      '__proto__',
    )
  })

  it('refuses a key that is in another region than it stands under', () => {
    const text = edited(`eu-west-1: ${ACME_KEY_2}`, `eu-west-1: ${ACME_KEY_1} # wrong`)
    expectFinding(text, 'key-arn-region', `${ACME_KEY_1} # wrong`)
  })

  it('refuses a key of another account', () => {
    const key = ACME_KEY_1.replace('111122223333', '555566667777')
    expectFinding(edited(ACME_KEY_1, key), 'key-arn-account', key)
  })

  it('refuses a key of another partition', () => {
    const key = ACME_KEY_1.replace('arn:aws:', 'arn:aws-us-gov:')
    expectFinding(edited(ACME_KEY_1, key), 'arn-partition', key)
  })

  it.each([
    ['arn:aws:kms:eu-central-1:111122223333:alias/portcullis', 'alias'],
    ['33333333-3333-3333-3333-333333333333', 'not the ARN'],
    ['arn:aws:kms:eu-central-1:111122223333:key/short', 'not the ARN'],
  ])('refuses %j as a key', (key, reason) => {
    expect(expectFinding(edited(ACME_KEY_1, `${key} # bad`), 'key-arn', `${key} # bad`).reason).toContain(
      reason,
    )
  })

  it('refuses a replica of the key of another organization', () => {
    const text = edited(UMBRELLA_KEY, `${ACME_KEY_1} # shared`)
    expectFinding(text, 'key-shared', `${ACME_KEY_1} # shared`)
  })

  it('refuses two sets of vendor keys for one location', () => {
    const second = `  - location: europe # second
    accountId: "999988887777"
    roleArn: arn:aws:iam::999988887777:role/vendor
    externalId: vendor-external-id-2
    keys:
      eu-central-1: arn:aws:kms:eu-central-1:999988887777:key/mrk-55555555555555555555555555555555
      eu-west-1: arn:aws:kms:eu-west-1:999988887777:key/mrk-55555555555555555555555555555555
`
    expectFinding(
      edited('organizations:\n', `${second}organizations:\n`),
      'vendor-keys-duplicate',
      'europe # second',
    )
  })
})

describe('sites and apps', () => {
  it('refuses a site name that another organization has', () => {
    const finding = expectFinding(
      edited('- name: umbrella', '- name: acme # taken'),
      'site-foreign',
      'acme # taken',
    )
    expect(finding.reason).toContain('"acme"')
  })

  it('refuses a site twice in one organization', () => {
    const text = edited(
      '  - id: umbrella',
      '      - name: acme # again\n        apps: [{ type: confluence }]\n  - id: umbrella',
    )
    expectFinding(text, 'site-duplicate', 'acme # again')
  })

  it.each([['Acme'], ['a.b'], ['a/b'], ['-a'], ['a b'], ['ä']])('refuses the site name %j', (name) => {
    expectFinding(edited('- name: umbrella', `- name: "${name}"`), 'site-name', `"${name}"`)
  })

  it('takes a site name of 63 characters and refuses one of 64', () => {
    const named = (length: number) =>
      edited('- name: umbrella', `- name: ${'u'.repeat(length)}`).replace(
        'sites: [acme, umbrella]',
        'sites: [acme]',
      )
    expect(findingsOf(named(63))).toEqual([])
    expectFinding(named(64), 'site-name', 'u'.repeat(64))
  })

  it.each([['https://acme.example'], ['acme.example:443'], ['*.example'], ['Acme.example'], ['a..b']])(
    'refuses the host %j',
    (host) => {
      expectFinding(edited('[acme.example]', `["${host}"]`), 'site-host', `"${host}"`)
    },
  )

  it('refuses a host that two sites have', () => {
    const text = edited('- name: umbrella', '- name: umbrella\n        hosts: [ acme.example ]')
    const finding = findingsOf(text).find(({ rule }) => rule === 'site-host-duplicate')
    expect(finding).toMatchObject({ line: 58, column: 18, path: 'organizations[1].sites[0].hosts[0]' })
  })

  it('refuses an app twice on one site', () => {
    const text = edited('- { type: confluence }', '- { type: jira, byok: true } # again')
    expectFinding(text, 'app-duplicate', 'jira, byok: true } # again')
  })

  it('refuses Jira apps of one site with different settings', () => {
    const text = edited(
      '{ type: jira-service-management, byok: true }',
      '{ type: jira-service-management, byok: false }',
    )
    expect(expectFinding(text, 'jira-family', 'false }').remedy).toContain('byok: true')
  })

  it('reads a missing byok as false, also within the Jira family', () => {
    const text = edited('{ type: jira-service-management, byok: true }', '{ type: jira-service-management }')
    expect(findingsOf(text).map(({ rule }) => rule)).toEqual(['jira-family'])
  })

  it('refuses a BYOK app of an organization without a BYOK configuration', () => {
    const start = BASE.indexOf('    byok:\n      accountId: "444455556666"')
    const text = BASE.slice(0, start) + BASE.slice(BASE.indexOf('    sites:', start))
    const finding = findingsOf(text).find(({ rule }) => rule === 'byok-missing')
    expect(finding).toMatchObject({ line: 53, path: 'organizations[1].sites[0].apps[0].byok' })
  })

  it('refuses an app without BYOK where the location has no vendor keys', () => {
    const text = edited('{ type: confluence, byok: true }', '{ type: confluence } # germany')
    expect(expectFinding(text, 'vendor-keys-missing', '{ type: confluence } # germany').reason).toContain(
      'germany',
    )
  })

  it('warns of a BYOK configuration that no app uses', () => {
    const text = edited('{ type: confluence, byok: true }', '{ type: confluence }')
    expect(findingsOf(text).find(({ rule }) => rule === 'byok-unused')?.severity).toBe('warning')
  })

  it('warns of a site without apps', () => {
    const text = edited('        apps:\n          - { type: confluence, byok: true }\n', '')
    expect(expectFinding(text, 'site-empty', 'name: umbrella').severity).toBe('warning')
  })

  it('refuses an unknown app type', () => {
    expectFinding(
      edited('{ type: confluence, byok: true }', '{ type: trello, byok: true }'),
      'range',
      'trello',
    )
  })
})
