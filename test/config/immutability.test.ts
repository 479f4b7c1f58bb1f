import { describe, expect, it } from 'vitest'
import { immutabilityFindings } from '../../src/config/immutability.ts'
import { parseConfiguration } from '../../src/config/parse.ts'
import { BASE, edited, placeOf } from './support/base.ts'

function parsed(text: string) {
  const { configuration, findings, locate } = parseConfiguration(text, 'portcullis.yaml')
  if (configuration === undefined) throw new Error(JSON.stringify(findings))
  return { configuration, locate }
}

function changes(text: string, previous = BASE) {
  const { configuration, locate } = parsed(text)
  return immutabilityFindings(parsed(previous).configuration, configuration).map(locate)
}

describe('what never changes', () => {
  it('lets everything else change', () => {
    const added =
      '          - { type: confluence }\n      - name: acme-2\n        apps: [{ type: jira, byok: true }]\n'
    expect(changes(BASE)).toEqual([])
    expect(changes(edited('          - { type: confluence }\n', added))).toEqual([])
    expect(changes(edited('          - { type: confluence }\n', ''))).toEqual([])
  })

  it('refuses another location, and says how to get there', () => {
    const text = edited('location: germany', 'location: japan # moved')
      .replaceAll('eu-central-1:444455556666', 'ap-northeast-1:444455556666')
      .replace('eu-central-1: arn:aws:kms:ap-northeast-1', 'ap-northeast-1: arn:aws:kms:ap-northeast-1')
    const findings = changes(text)
    expect(findings).toMatchObject([{ rule: 'location-immutable', ...placeOf('japan # moved', text) }])
    expect(findings[0]?.reason).toContain('germany')
  })

  it('refuses to convert an app to BYOK', () => {
    const text = edited('{ type: confluence }', '{ type: confluence, byok: true } # converted')
    const place = placeOf('true } # converted', text)
    expect(changes(text)).toMatchObject([
      { rule: 'byok-immutable', path: 'organizations[0].sites[0].apps[2].byok', ...place },
    ])
  })

  it('refuses to convert an app from BYOK, also by leaving byok out', () => {
    const text = edited('{ type: confluence }', '{ type: confluence } # as before')
    const previous = edited('{ type: confluence }', '{ type: confluence, byok: true }')
    expect(changes(text, previous)).toMatchObject([
      { rule: 'byok-immutable', ...placeOf('{ type: confluence } #', text) },
    ])
  })

  it('refuses a Jira app whose setting differs from that of a relative that is gone', () => {
    const family =
      '          - { type: jira, byok: true }\n          - { type: jira-service-management, byok: true }\n'
    const previous = edited(family, '          - { type: jira, byok: true }\n')
    const text = edited(family, '          - { type: jira-service-management, byok: false }\n')
    expect(changes(text, previous)).toMatchObject([{ rule: 'jira-family', ...placeOf('false }', text) }])
  })

  it('refuses a site that belonged to another organization', () => {
    const text = edited('- name: umbrella', '- name: acme # taken over')
      .replace('      - name: acme\n', '      - name: acme-2\n')
      .replace('sites: [acme, umbrella]', 'sites: [acme]')
    expect(changes(text)).toMatchObject([{ rule: 'site-foreign', ...placeOf('acme # taken over', text) }])
  })
})
