import { createHash } from 'node:crypto'
import { mkdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Browser, Locator } from 'playwright-core'
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest'
import type { RevocationStatement } from '../../src/audit/revocation-statement.ts'
import { runProgram } from '../../src/cli/program.ts'
import { type DocumentStore, startDocumentStore } from '../../src/local/document-store/document-store.ts'
import { applyTemplate } from '../../src/local/apply-template.ts'
import { GatewayWorld, type RunningGateway } from '../support/gateway-world.ts'
import { browserPath, launchBrowser, Visitor } from './console-browser.ts'
import { unreachableObjectStore } from '../support/unreachable-object-store.ts'

const OPERATOR = 'admin-token-of-at-least-32-characters'
const AUDITOR = 'auditor-token-of-at-least-32-characters'
const ISSUE = JSON.stringify({ fields: { summary: 'The gate jams in frost' } })
const REGIONS = ['eu-central-1', 'eu-west-1']
/** Folder of the documents' screenshots, when they are to be taken anew. */
const SCREENSHOTS = process.env['PORTCULLIS_SCREENSHOTS']
const VIEWS = [
  ['umbrella', 'BYOK encryption'],
  ['umbrella/sites', 'Sites and apps'],
  ['umbrella/verification', 'Verification'],
  ['umbrella/keys', 'Keys and jobs'],
  ['umbrella/credentials', 'Credentials'],
  ['umbrella/audit', 'Audit trail'],
  ['umbrella/setup', 'Setup'],
  ['', 'Organizations'],
] as const

/** Every dialog by the button that opens it. */
const DIALOGS = [
  ['', 'Organizations', 'New organization …'],
  ['umbrella', 'BYOK encryption', 'Suspend …'],
  ['umbrella/keys', 'Keys and jobs', 'Rotate tenant keys …'],
  ['axe/sites', 'Sites and apps', 'Add an app …'],
  ['axe/sites', 'Sites and apps', 'Hosts of axe …'],
  ['axe/sites', 'Sites and apps', 'Remove site axe …'],
  ['axe/sites', 'Sites and apps', 'Remove Jira from axe …'],
  ['axe/credentials', 'Credentials', 'New app token …'],
  ['axe/credentials', 'Credentials', 'New S3 access key …'],
  ['axe/credentials', 'Credentials', 'New administrator …'],
  ['axe/credentials', 'Credentials', 'Revoke app token tracker …'],
] as const

let world: GatewayWorld
let running: RunningGateway
let browser: Browser
let gatewayArn = ''
let traffic: Promise<void>
const trafficEnd = new AbortController()
const stores: DocumentStore[] = []
const visitors: Visitor[] = []

if (browserPath === undefined)
  console.warn('console.test.ts is skipped: no Chromium (apt-get install chromium)')

describe.skipIf(browserPath === undefined)('the console in Chromium', () => {
  beforeAll(async () => {
    world = await GatewayWorld.start()
    const jira = await startStore('jira', 'issue')
    const confluence = await startStore('confluence', 'page')
    running = await world.gateway((configuration) => {
      gatewayArn = `arn:aws:iam::${configuration['vendorKeys'][0].accountId}:user/portcullis-gateway`
      configuration['revocation'] = { boundMs: '5s', probeIntervalMs: '1s' }
      configuration['admin'].tokens.push({ name: 'audrey', sha256: sha256(AUDITOR), role: 'auditor' })
      configuration['onboarding'] = { gatewayPrincipalArn: gatewayArn }
      configuration['objectStores'] = [unreachableObjectStore()]
      configuration['stores'] = [
        { name: 'jira', mount: '/jira', upstream: jira, apps: ['jira'], coverage: 'jira' },
        {
          name: 'confluence',
          mount: '/confluence',
          upstream: confluence,
          apps: ['confluence'],
          coverage: 'confluence',
        },
      ]
    })
    const { status } = await running.put('/jira/issue/1', ISSUE, 'umbrella')
    expect(status).toBeLessThan(300)
    await asOperator('POST', '/admin/v1/organizations', { id: 'axe', location: 'europe' })
    await asOperator('POST', '/admin/v1/organizations/axe/sites', { name: 'axe', apps: [{ type: 'jira' }] })
    await asOperator('POST', '/admin/v1/organizations/axe/tokens', { name: 'tracker', sites: ['axe'] })
    traffic = keepReading()
    browser = await launchBrowser()
  })

  afterAll(async () => {
    trafficEnd.abort()
    await traffic
    await browser.close()
    await world.stop()
    await Promise.all(stores.map((store) => store.stop()))
  })

  afterEach(async () => {
    const complaints = visitors.flatMap((visitor) => visitor.complaints)
    await Promise.all(visitors.splice(0).map((visitor) => visitor.leave()))
    expect(complaints).toEqual([])
  })

  describe('signing in', () => {
    it('refuses a wrong token and says so', async () => {
      const { page } = await arrive()
      await page.getByLabel('Admin token').fill('not-a-token')
      await page.getByRole('button', { name: 'Sign in' }).click()
      await page.getByRole('alert').filter({ hasText: 'not valid' }).waitFor()
      expect(await page.getByLabel('Admin token').isVisible()).toBe(true)
    })

    it('keeps the token out of addresses, cookies and storage', async () => {
      const { page } = await arrive(OPERATOR)
      expect(page.url()).not.toContain(OPERATOR)
      expect(await page.context().cookies()).toEqual([])
      const state = await page.context().storageState()
      expect(JSON.stringify(state)).not.toContain(OPERATOR)
      expect(await page.evaluate('sessionStorage.length')).toBe(0)
      await page.reload()
      await page.getByLabel('Admin token').waitFor()
    })

    it('survives a reload of the tab only when asked to, and ends with signing out', async () => {
      const { page } = await arrive()
      await page.getByLabel('Admin token').fill(OPERATOR)
      await page.getByLabel('Stay signed in').check()
      await page.getByRole('button', { name: 'Sign in' }).click()
      await page.getByRole('button', { name: 'Sign out' }).waitFor()
      await page.reload()
      await page.getByRole('button', { name: 'Sign out' }).click()
      await page.getByText('You are signed out.').waitFor()
      expect(await page.evaluate('sessionStorage.length')).toBe(0)
    })

    it('shows an administrator of an organization that one only, without the operator’s switch', async () => {
      const token = await administratorOf('umbrella')
      const visitor = await arrive(token)
      const { page } = visitor
      await visitor.open('acme', 'BYOK encryption')
      await page.getByText('umbrella', { exact: true }).first().waitFor()
      expect(await page.getByLabel('Organization').count()).toBe(0)
      expect(await page.getByText('acme').count()).toBe(0)
      expect(await page.getByRole('button', { name: 'Suspend …' }).count()).toBe(0)
    })

    it('offers an auditor nothing that changes anything', async () => {
      const visitor = await arrive(AUDITOR)
      await visitor.open('umbrella', 'BYOK encryption')
      await visitor.page.getByRole('table', { name: 'Apps' }).waitFor()
      for (const name of ['Suspend …', 'Add an app …']) {
        expect(await visitor.page.getByRole('button', { name }).count()).toBe(0)
      }
      await visitor.open('umbrella/keys', 'Keys and jobs')
      expect(await visitor.page.getByRole('button', { name: 'Rotate' }).count()).toBe(0)
    })
  })

  describe('an organization', () => {
    it('shows apps under its own key beside those under the vendor’s', async () => {
      const { page } = await at('umbrella', 'BYOK encryption')
      const apps = page.getByRole('table', { name: 'Apps' })
      const jira = apps.getByRole('row').filter({ hasText: /Jira/ })
      const confluence = apps.getByRole('row').filter({ hasText: 'Confluence' })
      expect(await jira.innerText()).toMatch(/BYOK[^]*Stops/)
      expect(await confluence.innerText()).toMatch(/Vendor-managed[^]*Goes on/)
    })

    it('shows the key of each region with its last verified access', async () => {
      const { page } = await at('umbrella', 'BYOK encryption')
      const keys = page.getByRole('table', { name: 'Root keys by region' })
      for (const { region, keyArn } of world.umbrella.resources.keys) {
        const row = keys.getByRole('row').filter({ hasText: region })
        await row.getByText(keyArn).waitFor()
        await row.getByText(/^\d{4}-\d\d-\d\d \d\d:\d\d:\d\d$/).waitFor()
        await row.getByText(/^[\d.]+ m?s$/).waitFor()
      }
    })

    it('shows a revocation while one looks at it, and the return of access', async () => {
      const { page } = await at('umbrella', 'BYOK encryption')
      await page.getByRole('heading', { name: 'Access verified' }).waitFor()
      await world.umbrella.disableKey('eu-west-1')
      await page.getByRole('heading', { name: 'Suspended: Key disabled' }).waitFor({ timeout: 20_000 })
      await page.getByRole('status').filter({ hasText: 'Suspended: Key disabled in eu-west-1' }).waitFor()
      const apps = page.getByRole('table', { name: 'Apps' })
      await apps.getByRole('row').filter({ hasText: 'Jira' }).getByText('Suspended').waitFor()
      expect(await apps.getByRole('row').filter({ hasText: 'Confluence' }).innerText()).not.toContain(
        'Suspended',
      )
      const suspensions = page.getByRole('table', { name: 'Suspensions' })
      const row = suspensions.getByRole('row').nth(1)
      await row.getByText(/≤ [\d.]+ m?s|nothing served/).waitFor({ timeout: 40_000 })
      expect(await row.innerText()).toMatch(/eu-west-1[^]*not yet/)
      await page.getByRole('button', { name: 'Show what each replica confirmed' }).click()
      await page.getByText('1 of 1 replicas confirmed').waitFor()
      const replicas = page.getByRole('table', { name: 'Replicas that ran' })
      const confirmed = replicas.getByRole('row').nth(1)
      expect(await confirmed.innerText()).not.toContain('not confirmed')
      // The same figures as in the operator's report.
      const [statement] = await reportOf('umbrella')
      const [replica] = statement!.replicas
      if (!replica?.confirmed) throw new Error('the report knows of no replica that has confirmed')
      const instants = await confirmed
        .locator('time')
        .evaluateAll((times) => times.map((time) => time.getAttribute('datetime')))
      expect(instants).toEqual([replica.lastAllowedAt, replica.wipedAt].filter((at) => at !== null))
      const figures = (await confirmed.getByRole('cell').allInnerTexts()).slice(-2)
      const keys = replica.keysWiped === 0 ? 'none held' : String(replica.keysWiped)
      expect(figures).toEqual([keys, String(replica.transfersCut)])
      await screenshot(page, 'console-suspended')
      await world.umbrella.enableKey('eu-west-1')
      await page.getByRole('heading', { name: 'Access verified' }).waitFor({ timeout: 40_000 })
      await row.getByText('not yet').waitFor({ state: 'detached' })
      expect(
        await page.getByRole('img', { name: /Timeline of suspensions\. 1 suspension/ }).isVisible(),
      ).toBe(true)
    })
  })

  it('makes credentials, shows each secret once, says why one cannot be, and revokes them', async () => {
    await asOperator('POST', '/admin/v1/organizations', { id: 'hooli', location: 'europe' })
    await asOperator('POST', '/admin/v1/organizations/hooli/sites', {
      name: 'hooli',
      apps: [{ type: 'jira' }, { type: 'confluence' }],
    })
    const path = '/admin/v1/organizations/hooli/sites'
    await asOperator('POST', path, { name: 'hooli-two', apps: [{ type: 'jira' }] })
    const { page } = await at('hooli/credentials', 'Credentials')
    const dialog = page.getByRole('dialog')
    const reach = {
      'app token': async () => {
        await dialog.getByLabel('hooli', { exact: true }).check()
        await dialog.getByLabel('hooli-two', { exact: true }).check()
      },
      'S3 access key': async () => {
        await dialog.getByLabel('Reaches').selectOption('hooli/jira')
        await dialog.getByLabel('Buckets (optional)').fill('files, more-files')
      },
      administrator: async () => {
        await dialog.getByLabel('Role').selectOption('auditor')
      },
    }
    for (const [one, table, reaches, secret] of [
      ['app token', 'App tokens', 'hooli, hooli-two', /pca_[\w-]{43}/],
      ['S3 access key', 'S3 access keys', 'files, more-files', /PCAK[A-Z2-9]{16}[^]*[\w-]{40}/],
      ['administrator', 'Administrators', 'Reads the organization', /pco_[\w-]{43}/],
    ] as const) {
      const make = async () => {
        await page.getByRole('button', { name: `New ${one} …` }).click()
        await dialog.getByLabel('Name', { exact: true }).fill('uploads')
        await reach[one]()
        await dialog.getByLabel('Expires (UTC, optional)').fill('2099-01-02T03:04')
        await screenshot(page, `console-new-${one.toLowerCase().replaceAll(' ', '-')}`)
        await dialog.getByRole('button', { name: 'Make' }).click()
      }
      await make()
      await dialog.getByText('The secret is shown only now.').waitFor()
      expect(await dialog.innerText()).toMatch(secret)
      await dialog.getByRole('button', { name: 'Done' }).click()
      const row = page.getByRole('table', { name: table }).getByRole('row').filter({ hasText: 'uploads' })
      expect(await row.innerText()).toMatch(new RegExp(`${reaches}[^]*2099-01-02 03:04:00`))
      expect(await page.getByRole('main').innerText()).not.toMatch(/pc[ao]_/)

      await make()
      await dialog.getByRole('alert').filter({ hasText: 'is taken' }).waitFor()
      await page.keyboard.press('Escape')

      await page.getByRole('button', { name: `Revoke ${one} uploads …` }).click()
      await dialog.getByLabel('Type uploads to confirm').fill('uploads')
      await dialog.getByRole('button', { name: 'Revoke' }).click()
      await row.waitFor({ state: 'detached' })
    }
  })

  it('lists credentials of the configuration file, which cannot be revoked here', async () => {
    const { page } = await at('umbrella/credentials', 'Credentials')
    const row = page.getByRole('table', { name: 'App tokens' }).getByRole('row').nth(1)
    expect(await row.innerText()).toMatch(/umbrella[^]*configuration file/)
    expect(await page.getByRole('button', { name: /Revoke app token/ }).count()).toBe(0)
    expect(await page.getByRole('button', { name: 'New app token …' }).count()).toBe(0)
    await page.getByText('The configuration file manages this organization.').waitFor()
  })

  it('removes an app and its site, and nothing that has changed since it was shown', async () => {
    await asOperator('POST', '/admin/v1/organizations', { id: 'soylent', location: 'europe' })
    await asOperator('POST', '/admin/v1/organizations/soylent/sites', {
      name: 'soylent',
      apps: [{ type: 'jira' }],
    })
    const { page } = await at('soylent/sites', 'Sites and apps')
    const dialog = page.getByRole('dialog')
    await page.getByRole('button', { name: 'Hosts of soylent …' }).click()
    await dialog.getByLabel('Host names').fill('soylent.example')
    await dialog.getByRole('button', { name: 'Save' }).click()
    await page.getByRole('table', { name: 'Sites' }).getByText('soylent.example').waitFor()
    await page.getByRole('button', { name: 'Remove Jira from soylent …' }).click()
    const confirm = dialog.getByRole('button', { name: 'Remove' })
    await dialog.getByLabel('Type soylent/jira to confirm').fill('soylent/jira')
    await confirm.click()
    await page.getByRole('table', { name: 'Apps' }).waitFor({ state: 'detached' })
    await page.getByRole('button', { name: 'Remove site soylent …' }).click()
    await dialog.getByLabel('Type soylent to confirm').fill('soylent')
    await expect.poll(() => confirm.isEnabled()).toBe(true)
    const changed = await fetch(`${running.gateway.adminUrl}/admin/v1/organizations/soylent/sites/soylent`, {
      method: 'PATCH',
      headers: { Authorization: `Bearer ${OPERATOR}`, 'Content-Type': 'application/json' },
      body: JSON.stringify({ hosts: ['other.example'] }),
    })
    expect(changed.status).toBe(200)
    await confirm.click()
    await dialog.getByRole('alert').filter({ hasText: 'Read it again' }).waitFor()
    await expect.poll(() => confirm.isEnabled()).toBe(true)
    await confirm.click()
    await page.getByText('No site yet').waitFor()
  })

  it('shows text that looks like markup as text', async () => {
    const name = '<img src=x onerror="document.title=1"> & <b>Bold</b>'
    await asOperator('POST', '/admin/v1/organizations', { id: 'markup', name, location: 'europe' })
    const { page } = await at('', 'Organizations')
    await page.getByText(name, { exact: true }).waitFor()
    expect(await page.locator('main img, main b').count()).toBe(0)
  })

  describe('verification', () => {
    it('tells what would stop, and what would go on', async () => {
      const { page } = await at('umbrella/verification', 'Verification')
      await page.getByText('1 app would answer 423 Locked').waitFor()
      const stops = page.getByRole('heading', { name: /^Stops/ }).locator('..')
      const continues = page.getByRole('heading', { name: /^Goes on/ }).locator('..')
      expect(await stops.innerText()).toContain('umbrella Jira')
      expect(await continues.innerText()).toContain('umbrella Confluence')
    })

    it('names the permission that is missing', async () => {
      const { page } = await at('umbrella/verification', 'Verification')
      await world.umbrella.denyDecrypt(true)
      await page.getByRole('button', { name: 'Verify now' }).click()
      const checks = page.getByRole('table', { name: 'Checks by region' })
      await checks.getByText('✕ failed').first().waitFor({ timeout: 30_000 })
      expect(await page.locator('.findings').innerText()).toMatch(/Decrypt/)
      await world.umbrella.denyDecrypt(false)
    })
  })

  describe('the audit trail', () => {
    it('filters by kind of event', async () => {
      const { page } = await at('umbrella/audit', 'Audit trail')
      await page.getByLabel('Show').selectOption({ label: 'Suspensions' })
      const table = page.getByRole('table', { name: 'Audit events' })
      await table.getByText('Suspension started').first().waitFor()
      await page.getByLabel('Show').selectOption({ label: 'Key use (calls to AWS)' })
      await table.getByText('Key service called').first().waitFor()
      await table.getByText('Suspension started').first().waitFor({ state: 'detached' })
      await page.getByLabel('Outcome').selectOption('denied')
      await table.getByText('succeeded').first().waitFor({ state: 'detached' })
      expect(await table.getByText('denied').count()).toBeGreaterThan(0)
    })

    it('opens a row to the whole event', async () => {
      const { page } = await at('umbrella/audit', 'Audit trail')
      await page
        .getByRole('button', { name: /^Row \d+: details/ })
        .first()
        .click()
      expect(JSON.parse(await page.locator('tr.detail pre').innerText())).toHaveProperty('previousHash')
    })

    it('exports what the filters leave', async () => {
      const { page } = await at('umbrella/audit', 'Audit trail')
      await page.getByLabel('Show').selectOption({ label: 'Suspensions' })
      const downloading = page.waitForEvent('download')
      await page.getByRole('button', { name: 'Export these' }).click()
      const download = await downloading
      expect(download.suggestedFilename()).toBe('audit-umbrella.ndjson')
      const lines = readFileSync(await download.path(), 'utf8')
        .trim()
        .split('\n')
      expect(lines.length).toBeGreaterThan(0)
      for (const line of lines) expect(line).toContain('"suspension.')
    })

    it('proves the chain', async () => {
      const { page } = await at('umbrella/audit', 'Audit trail')
      await page.getByRole('button', { name: 'Prove the chain' }).click()
      await page.getByText('The chain holds.').waitFor()
    })
  })

  describe('jobs', () => {
    it('shows a rotation as it goes on', async () => {
      const { page } = await at('umbrella/keys', 'Keys and jobs')
      await page.getByRole('button', { name: 'Rotate tenant keys …' }).click()
      await page.getByRole('dialog').getByRole('button', { name: 'Rotate' }).click()
      const row = page.getByRole('table', { name: 'Rotations' }).getByRole('row').nth(1)
      await row.getByText('Succeeded').waitFor({ timeout: 30_000 })
      expect(await row.getByText(/^(\d+) of \1 keys?$/).count()).toBe(1)
    })
  })

  describe('by keyboard alone', () => {
    it('an operator suspends after typing the name, and lifts again', async () => {
      const { page } = await at('umbrella', 'BYOK encryption')
      const keyboard = page.keyboard
      await tabTo(page.getByRole('button', { name: 'Suspend …' }))
      await keyboard.press('Enter')
      const confirm = page.getByRole('dialog').getByRole('button', { name: 'Suspend' })
      expect(await confirm.isDisabled()).toBe(true)
      expect(await focusIsIn(page.getByRole('dialog'))).toBe(true)
      await keyboard.press('Escape')
      await page.getByRole('dialog').waitFor({ state: 'detached' })
      expect(await isFocused(page.getByRole('button', { name: 'Suspend …' }))).toBe(true)
      await keyboard.press('Enter')
      await tabTo(page.getByLabel('Type umbrella to confirm'))
      await keyboard.type('umbrella')
      await keyboard.press('Enter')
      await page.getByRole('heading', { name: 'Suspended by an operator' }).waitFor()
      expect((await running.request('/jira/issue/1', { site: 'umbrella' })).status).toBe(423)
      await tabTo(page.getByRole('button', { name: 'Lift the suspension …' }))
      await keyboard.press('Enter')
      await tabTo(page.getByRole('dialog').getByRole('button', { name: 'Lift' }))
      await keyboard.press('Enter')
      await page.getByRole('heading', { name: 'Access verified' }).waitFor({ timeout: 20_000 })
    })

    it('an administrator makes a token for two sites and revokes it', async () => {
      await asOperator('POST', '/admin/v1/organizations', { id: 'keyed', location: 'europe' })
      for (const name of ['keyed', 'keyed-two']) {
        await asOperator('POST', '/admin/v1/organizations/keyed/sites', { name, apps: [{ type: 'jira' }] })
      }
      const { page } = await at('keyed/credentials', 'Credentials')
      const { keyboard } = page
      const dialog = page.getByRole('dialog')
      await tabTo(page.getByRole('button', { name: 'New app token …' }))
      await keyboard.press('Enter')
      await tabTo(dialog.getByLabel('Name', { exact: true }))
      await keyboard.type('by-keyboard')
      for (const site of ['keyed', 'keyed-two']) {
        await tabTo(dialog.getByLabel(site, { exact: true }))
        await keyboard.press('Space')
      }
      await keyboard.press('Enter')
      await dialog.getByText('The secret is shown only now.').waitFor()
      await tabTo(dialog.getByRole('button', { name: 'Done' }))
      await keyboard.press('Enter')
      await tabTo(page.getByRole('button', { name: 'Revoke app token by-keyboard …' }))
      await keyboard.press('Enter')
      await tabTo(dialog.getByLabel('Type by-keyboard to confirm'))
      await keyboard.type('by-keyboard')
      await expect.poll(() => dialog.getByRole('button', { name: 'Revoke' }).isEnabled()).toBe(true)
      await keyboard.press('Enter')
      await page.getByRole('table', { name: 'App tokens' }).waitFor({ state: 'detached' })
    })

    it('every view is reached, its heading gets the focus, and the focus is visible', async () => {
      const { page } = await at('umbrella', 'BYOK encryption')
      for (const name of [
        'Sites and apps',
        'Verification',
        'Keys and jobs',
        'Credentials',
        'Audit trail',
        'Setup',
        'Overview',
      ]) {
        const link = page.getByRole('navigation').getByRole('link', { name })
        await tabTo(link)
        expect(
          await link.evaluate(
            (element) => element.ownerDocument.defaultView!.getComputedStyle(element).outlineStyle,
          ),
        ).toMatch(/solid/)
        await page.keyboard.press('Enter')
        const heading = page.getByRole('heading', { level: 1 })
        await expect.poll(() => isFocused(heading)).toBe(true)
        expect(await link.getAttribute('aria-current')).toBe('page')
      }
    })

    it('the first stop skips to the content', async () => {
      const { page } = await at('umbrella', 'BYOK encryption')
      await page.reload()
      await page.getByLabel('Admin token').fill(OPERATOR)
      await page.keyboard.press('Enter')
      await page.getByRole('button', { name: 'Sign out' }).waitFor()
      await tabTo(page.getByRole('link', { name: 'Skip to content' }))
      await page.keyboard.press('Enter')
      expect(await isFocused(page.getByRole('main'))).toBe(true)
    })
  })

  it('takes a new organization from nothing to an app under its own keys', async () => {
    const visitor = await arrive(OPERATOR)
    const { page } = visitor
    await visitor.open('', 'Organizations')
    await page.getByRole('button', { name: 'New organization …' }).click()
    await page.getByLabel('Identifier').fill('initech')
    await page.getByLabel('Data residency location').selectOption('europe')
    await page.getByRole('button', { name: 'Create' }).click()
    await page.getByRole('heading', { level: 1, name: 'Setup' }).waitFor()

    await page.getByLabel('AWS account ID').fill('12345678901')
    await page.getByRole('button', { name: 'Make the plan' }).click()
    await page.getByRole('alert').filter({ hasText: '12' }).waitFor()
    await page.getByLabel('AWS account ID').fill('333344445555')
    await page.getByRole('button', { name: 'Make the plan' }).click()
    const { roleArn, keys } = await applyDownloads(page, '333344445555')

    await page.getByRole('button', { name: 'Next: Role and keys' }).click()
    await page.getByLabel('AWS account ID').fill('333344445555')
    await page.getByLabel('Role ARN').fill(roleArn)
    for (const { region, keyArn } of keys) await page.getByLabel(`Key ARN in ${region}`).fill(keyArn)
    await page.getByRole('button', { name: 'Set', exact: true }).click()
    await page.getByText('Set. Verify next.').waitFor()

    await page.getByRole('button', { name: 'Next: Verify' }).click()
    expect(await isFocused(page.getByRole('heading', { name: 'Permissions in AWS' }))).toBe(true)
    await page.getByRole('button', { name: 'Verify now' }).click()
    await page.getByText('Every permission is there.').waitFor({ timeout: 30_000 })
    await screenshot(page, 'console-setup-verified')

    await page.getByRole('button', { name: 'Next: Sites and apps' }).click()
    await page.getByLabel('Name of the new site').fill('initech')
    await page.getByRole('button', { name: 'Add the app' }).click()
    const apps = page.getByRole('table', { name: 'Apps' })
    await apps.getByRole('row').filter({ hasText: 'Jira' }).filter({ hasText: 'BYOK' }).waitFor()
    // One family on one site has one setting.
    await page.getByLabel('Site', { exact: true }).selectOption('initech')
    await page.getByLabel('App', { exact: true }).selectOption('jira-service-management')
    await page.getByLabel('Vendor-managed').check()
    await page.getByRole('button', { name: 'Add the app' }).click()
    await page.getByRole('alert').waitFor()
    expect(await apps.getByRole('row').count()).toBe(2)
  })

  it.each(['light', 'dark'] as const)('has no serious accessibility violation in %s', async (scheme) => {
    const stranger = await arrive(undefined, scheme)
    expect(await stranger.seriousViolations()).toEqual([])
    await screenshot(stranger.page, `console-sign-in-${scheme}`)
    const visitor = await arrive(OPERATOR, scheme)
    for (const [place, heading] of VIEWS) {
      await visitor.open(place, heading)
      await visitor.page.waitForLoadState('networkidle', { timeout: 1_000 }).catch(() => undefined)
      expect({ place, found: await visitor.seriousViolations() }).toEqual({ place, found: [] })
      await screenshot(visitor.page, `console-${heading.toLowerCase().replaceAll(' ', '-')}-${scheme}`)
    }
    for (const [place, heading, opener] of DIALOGS) {
      await visitor.open(place, heading)
      const button = visitor.page.getByRole('button', { name: opener })
      await button.click()
      await visitor.page.getByRole('dialog').waitFor()
      expect({ opener, found: await visitor.seriousViolations() }).toEqual({ opener, found: [] })
      await screenshot(visitor.page, `dialog-${opener.toLowerCase().replaceAll(/[^a-z0-9]+/g, '-')}${scheme}`)
      await visitor.page.keyboard.press('Escape')
      await expect.poll(() => isFocused(button), { message: opener, timeout: 10_000 }).toBe(true)
    }
  })
})

function sha256(text: string): string {
  return createHash('sha256').update(text).digest('hex')
}

async function startStore(name: string, collection: string): Promise<string> {
  const store = await startDocumentStore({
    directory: join(world.directory, name),
    collections: [collection],
    port: 0,
  })
  stores.push(store)
  return store.url
}

/** Keeps the leases of `umbrella` in use, as its users would. */
async function keepReading(): Promise<void> {
  while (!trafficEnd.signal.aborted) {
    await running.request('/jira/issue/1', { site: 'umbrella' })
    await new Promise((resolve) => setTimeout(resolve, 50))
  }
}

async function arrive(token?: string, scheme: 'light' | 'dark' = 'light'): Promise<Visitor> {
  const visitor = await Visitor.arrive(browser, running.gateway.adminUrl, scheme)
  visitors.push(visitor)
  if (token !== undefined) await visitor.signIn(token)
  return visitor
}

async function at(place: string, heading: string): Promise<Visitor> {
  const visitor = await arrive(OPERATOR)
  await visitor.open(place, heading)
  return visitor
}

async function asOperator(method: string, path: string, body: unknown): Promise<Record<string, unknown>> {
  const response = await fetch(running.gateway.adminUrl + path, {
    method,
    headers: { Authorization: `Bearer ${OPERATOR}`, 'Content-Type': 'application/json' },
    body: JSON.stringify(body),
  })
  expect(response.status).toBe(201)
  return (await response.json()) as Record<string, unknown>
}

/** What `portcullis access report` says. */
async function reportOf(organization: string): Promise<RevocationStatement[]> {
  let text = ''
  await runProgram(['access', 'report', organization, '--json'], {
    environment: { PORTCULLIS_ADMIN_URL: running.gateway.adminUrl, PORTCULLIS_ADMIN_TOKEN: OPERATOR },
    print: (printed) => (text += printed),
    printError: (printed) => (text += printed),
    stopRequested: new AbortController().signal,
  })
  return JSON.parse(text) as RevocationStatement[]
}

/** A token of someone who administers one organization. */
async function administratorOf(organization: string): Promise<string> {
  const path = `/admin/v1/organizations/${organization}/administrators`
  const { token } = await asOperator('POST', path, { name: 'ulla', role: 'org-admin' })
  return token as string
}

/** Downloads every CloudFormation file that the page offers and applies it to the customer's account. */
async function applyDownloads(page: Visitor['page'], accountId: string) {
  const credentials = await world.aws.createAccount(accountId)
  const keys: { region: string; keyArn: string }[] = []
  let roleArn = ''
  for (const item of await page.locator('ol.files > li').all()) {
    const downloading = page.waitForEvent('download')
    await item.getByRole('button', { name: 'Download' }).click()
    const download = await downloading
    const region = REGIONS.find((each) => download.suggestedFilename().includes(each))!
    const text = readFileSync(await download.path(), 'utf8')
    const target = { endpoint: world.aws.endpoint, credentials, accountId, region }
    const primary = keys[0]?.keyArn
    const outputs = await applyTemplate(text, target, primary === undefined ? {} : { PrimaryKeyArn: primary })
    roleArn = outputs['RoleArn'] ?? roleArn
    if (outputs['KeyArn'] !== undefined) keys.push({ region, keyArn: outputs['KeyArn'] })
  }
  return { roleArn, keys }
}

/** Presses Tab until the element has the focus; fails after a round that is longer than any page. */
async function tabTo(element: Locator): Promise<void> {
  await element.waitFor()
  for (let presses = 0; presses < 150; presses++) {
    if (await isFocused(element)) return
    await element.page().keyboard.press('Tab')
  }
  throw new Error(`Tab does not reach ${String(element)}`)
}

async function isFocused(element: Locator): Promise<boolean> {
  return await element.evaluate((node) => node === node.ownerDocument.activeElement)
}

async function focusIsIn(element: Locator): Promise<boolean> {
  return await element.evaluate((node) => node.contains(node.ownerDocument.activeElement))
}

async function screenshot(page: Visitor['page'], name: string): Promise<void> {
  if (SCREENSHOTS === undefined) return
  mkdirSync(SCREENSHOTS, { recursive: true })
  await page.screenshot({ path: join(SCREENSHOTS, `${name}.png`), fullPage: true })
}
