import { describe, expect, it } from 'vitest'
import { edited, expectFinding, findingsOf } from './support/base.ts'

describe('stores', () => {
  it.each([['Jira'], ['jira store'], ['jira_store']])('refuses the store name %j', (name) => {
    expectFinding(edited('- name: jira', `- name: "${name}"`), 'store-name', `"${name}"`)
  })

  it('refuses a store name twice', () => {
    expectFinding(edited('- name: confluence', '- name: jira # again'), 'store-duplicate', 'jira # again')
  })

  it.each([['/'], ['jira'], ['/jira/'], ['/a//b'], ['/a/../b'], ['/.'], ['/a%20b'], ['/a?b'], ['/ä']])(
    'refuses the mount %j',
    (mount) => {
      expectFinding(edited('mount: /jira', `mount: "${mount}"`), 'store-mount', `"${mount}"`)
    },
  )

  it.each([['/jira'], ['/jira/confluence']])('refuses the mount %j within another', (mount) => {
    const text = edited('mount: /confluence', `mount: ${mount} # within`)
    expect(expectFinding(text, 'store-mount-overlap', `${mount} # within`).reason).toContain('/jira')
  })

  it('refuses a mount around another', () => {
    const text = edited('mount: /jira', 'mount: /a/b').replace('mount: /confluence', 'mount: /a # around')
    expectFinding(text, 'store-mount-overlap', '/a # around')
  })

  it('takes mounts that only begin alike', () => {
    expect(findingsOf(edited('mount: /confluence', 'mount: /jira2'))).toEqual([])
  })

  it.each([
    ['jira.internal'],
    ['ftp://jira.internal'],
    ['https://jira.internal?a=b'],
    ['https://jira.internal/#x'],
    ['https://'],
  ])('refuses the upstream %j', (upstream) => {
    expectFinding(edited('https://jira.internal', `"${upstream}"`), 'store-upstream', `"${upstream}"`)
  })

  it('refuses credentials in an upstream and does not repeat them', () => {
    const upstream = 'https://gateway:hunter2@jira.internal'
    const finding = expectFinding(edited('https://jira.internal', upstream), 'literal-secret', upstream)
    expect(JSON.stringify(finding)).not.toContain('hunter2')
  })

  it('warns of plain http to another machine and not of plain http to itself', () => {
    const plain = 'http://jira.internal'
    const finding = expectFinding(edited('https://jira.internal', plain), 'store-plain-http', plain)
    expect(finding.severity).toBe('warning')
    for (const host of ['localhost:1', '127.0.0.1:1', '[::1]:1']) {
      expect(findingsOf(edited('https://jira.internal', `http://${host}`))).toEqual([])
    }
  })

  it('refuses TLS options for a plain http upstream', () => {
    const text = edited('https://jira.internal', 'http://127.0.0.1\n    tls: { caFile: ca.crt }')
    expectFinding(text, 'store-tls', 'http://127.0.0.1')
  })

  it('refuses a client certificate without its key', () => {
    const text = edited('https://jira.internal', 'https://jira.internal\n    tls: { certFile: client.crt }')
    expectFinding(text, 'store-tls', 'client.crt')
  })

  it('refuses a store of two families', () => {
    const text = edited('apps: [jira, jira-service-management]', 'apps: [jira, confluence]')
    expectFinding(text, 'store-family', '[jira, confluence]')
  })

  it('refuses an app twice', () => {
    const text = edited(
      'apps: [jira, jira-service-management]',
      'apps: [jira-service-management, jira, jira ]',
    )
    expectFinding(text, 'store-app-duplicate', 'jira ]')
  })

  it('refuses a store without apps', () => {
    expectFinding(edited('apps: [confluence]', 'apps: []'), 'range', '[]')
  })

  it('refuses an unknown preset', () => {
    expectFinding(edited('coverage: jira', 'coverage: trello'), 'coverage-unknown', 'trello')
  })

  it('refuses the preset of another family', () => {
    const text = edited('coverage: jira', 'coverage: confluence # wrong')
    expectFinding(text, 'coverage-family', 'confluence # wrong')
  })

  it('warns of an app that no store serves', () => {
    const text = edited('apps: [jira, jira-service-management]', 'apps: [jira]')
    expect(expectFinding(text, 'app-unserved', 'jira-service-management, byok').severity).toBe('warning')
  })

  it.each([
    ['mixed: true', 'store-mixed'],
    ['passUncovered: true', 'store-pass-uncovered'],
  ])('warns of %s', (option, rule) => {
    const text = edited('coverage: jira', `coverage: jira\n    ${option}`)
    expect(expectFinding(text, rule, 'true\n  - name: confluence').severity).toBe('warning')
  })
})
