import type { Locator, Page } from 'playwright-core'
import type { Visitor } from '../interop/console-browser.ts'
import { type Act, type Acts, type AskedApp, translated, type Translations } from './act.ts'

/** The console has nothing by which this could be asked for. */
export class Withheld extends Error {}

/** An act as a person at the console does it. Rejects with {@link Withheld} when that is not offered. */
export async function attempt(visitor: Visitor, act: Act, patienceMs: number): Promise<void> {
  await translated(ATTEMPTS, act)(new Hands(visitor, patienceMs))
}

/** What a person does on a page, who looks for a control for so long. */
class Hands {
  readonly page: Page
  readonly #visitor: Visitor
  readonly #patienceMs: number

  constructor(visitor: Visitor, patienceMs: number) {
    this.page = visitor.page
    this.#visitor = visitor
    this.#patienceMs = patienceMs
  }

  async open(organization: string, view: string, heading: string): Promise<void> {
    await this.#visitor.open(view === '' ? organization : `${organization}/${view}`, heading)
    await this.page.getByText('Reading …').first().waitFor({ state: 'detached' })
  }

  get dialog(): Locator {
    return this.page.getByRole('dialog')
  }

  async press(control: Locator): Promise<void> {
    await this.#find(control)
    try {
      // What was filled in a moment ago may enable it only with the next rendering.
      await control.click({ timeout: this.#patienceMs })
    } catch (thrown) {
      if (await control.isDisabled()) throw new Withheld(`disabled: ${String(control)}`)
      throw thrown
    }
  }

  async pressButton(name: string, within: Page | Locator = this.page): Promise<void> {
    await this.press(within.getByRole('button', { name, exact: true }))
  }

  async fill(label: string, text: string | undefined): Promise<void> {
    if (text === undefined) return
    const field = this.page.getByLabel(label, { exact: true })
    await this.#find(field)
    await field.fill(text)
  }

  async choose(label: string, value: string): Promise<void> {
    const choice = this.page.getByLabel(label, { exact: true })
    await this.#find(choice)
    try {
      await choice.selectOption(value, { timeout: this.#patienceMs })
    } catch {
      throw new Withheld(`no choice of ${label}: ${value}`)
    }
  }

  async check(label: string | RegExp, role: 'checkbox' | 'radio'): Promise<void> {
    const box = this.dialog.getByRole(role, { name: label, exact: true })
    await this.#find(box)
    if (await box.isDisabled()) throw new Withheld(`disabled: ${String(box)}`)
    await box.check()
  }

  /** Presses what sends a form; a field that must be filled first keeps it from being sent. */
  async send(name: string, within: Page | Locator = this.page): Promise<void> {
    await this.pressButton(name, within)
    if ((await this.page.locator('input:invalid').count()) > 0) throw new Withheld('a field is required')
  }

  async #find(control: Locator): Promise<void> {
    try {
      await control.waitFor({ timeout: this.#patienceMs })
    } catch {
      throw new Withheld(`not there: ${String(control)}`)
    }
  }
}

const SITES = ['sites', 'Sites and apps'] as const
const SETUP = ['setup', 'Setup'] as const
const OVERVIEW = ['', 'BYOK encryption'] as const

const ATTEMPTS: Translations<(hands: Hands) => Promise<void>> = {
  'create-organization':
    ({ id, location }) =>
    async (hands) => {
      await hands.open('', '', 'Organizations')
      await hands.pressButton('New organization …')
      await hands.fill('Identifier', id)
      await hands.choose('Data residency location', location)
      await hands.send('Create', hands.dialog)
    },
  'move-organization':
    ({ organization, location }) =>
    async (hands) => {
      await hands.open(organization, ...OVERVIEW)
      await hands.choose('Data residency location', location)
    },
  'rename-organization':
    ({ organization }) =>
    async (hands) => {
      await hands.open(organization, ...OVERVIEW)
      await hands.press(hands.page.getByRole('button', { name: /rename/i }))
    },
  'plan-byok':
    ({ organization, accountId = '' }) =>
    async (hands) => {
      await hands.open(organization, ...SETUP)
      await hands.fill('AWS account ID', accountId)
      await hands.send('Make the plan')
    },
  'set-byok':
    ({ organization, accountId, roleArn, keys }) =>
    async (hands) => {
      await hands.open(organization, ...SETUP)
      await hands.pressButton('Role and keys')
      await hands.fill('AWS account ID', accountId)
      await hands.fill('Role ARN', roleArn)
      for (const [region, arn] of Object.entries(keys)) await hands.fill(`Key ARN in ${region}`, arn)
      await hands.send('Set')
    },
  'show-notification-secret':
    ({ organization }) =>
    async (hands) => {
      await hands.open(organization, ...SETUP)
      await hands.pressButton('Show the secret')
    },
  'create-site':
    ({ organization, name, hosts = [], apps = [] }) =>
    async (hands) => {
      await hands.open(organization, ...SITES)
      await hands.pressButton('Add an app …')
      await hands.choose('Site', '')
      await hands.fill('Name of the new site', name)
      await hands.fill('Its host names (optional)', hosts.join(' '))
      const [first, ...others] = apps
      if (first !== undefined) await chooseApp(hands, first)
      if (others.length > 0) await hands.press(hands.dialog.getByRole('button', { name: /another app/i }))
      await hands.send('Add the app', hands.dialog)
    },
  'add-app':
    ({ organization, site, ...app }) =>
    async (hands) => {
      await hands.open(organization, ...SITES)
      await hands.pressButton('Add an app …')
      await hands.choose('Site', site)
      await chooseApp(hands, app)
      await hands.send('Add the app', hands.dialog)
    },
  'rename-site':
    ({ organization, site, name }) =>
    async (hands) => {
      await hands.open(organization, ...SITES)
      await hands.pressButton(`Hosts of ${site} …`)
      await hands.fill('Name', name)
    },
  'set-hosts':
    ({ organization, site, hosts }) =>
    async (hands) => {
      await hands.open(organization, ...SITES)
      await hands.pressButton(`Hosts of ${site} …`)
      await hands.fill('Host names', hosts.join(' '))
      await hands.send('Save', hands.dialog)
    },
  'remove-site':
    ({ organization, site }) =>
    async (hands) => {
      await hands.open(organization, ...SITES)
      await hands.pressButton(`Remove site ${site} …`)
      await hands.fill(`Type ${site} to confirm`, site)
      await hands.send('Remove', hands.dialog)
    },
  'convert-app':
    ({ organization }) =>
    async (hands) => {
      await hands.open(organization, ...SITES)
      await hands.press(hands.page.getByRole('button', { name: /convert|encrypt/i }))
    },
  'create-token':
    ({ organization, sites, ...credential }) =>
    async (hands) => {
      await beginCredential(hands, organization, 'app token', credential)
      for (const site of sites) await hands.check(site, 'checkbox')
      await hands.send('Make', hands.dialog)
    },
  'create-access-key':
    ({ organization, site, app, ...credential }) =>
    async (hands) => {
      await beginCredential(hands, organization, 'S3 access key', credential)
      await hands.choose('Reaches', `${site}/${app}`)
      await hands.send('Make', hands.dialog)
    },
  'add-administrator':
    ({ organization, subject, ...credential }) =>
    async (hands) => {
      await beginCredential(hands, organization, 'administrator', credential)
      await hands.fill('OIDC subject (optional)', subject)
      await hands.send('Make', hands.dialog)
    },
  suspend:
    ({ organization }) =>
    async (hands) => {
      await hands.open(organization, ...OVERVIEW)
      await hands.pressButton('Suspend …')
      await hands.fill(`Type ${organization} to confirm`, organization)
      await hands.send('Suspend', hands.dialog)
    },
  lift:
    ({ organization }) =>
    async (hands) => {
      await hands.open(organization, ...OVERVIEW)
      await hands.pressButton('Lift the suspension …')
      await hands.send('Lift', hands.dialog)
    },
}

async function chooseApp(hands: Hands, { type, byok = false }: AskedApp): Promise<void> {
  await hands.choose('App', type)
  await hands.check(byok ? /^BYOK/ : /^Vendor-managed/, 'radio')
}

async function beginCredential(
  hands: Hands,
  organization: string,
  one: string,
  { name, expiresAt }: Pick<Acts['create-token'], 'name' | 'expiresAt'>,
): Promise<void> {
  await hands.open(organization, 'credentials', 'Credentials')
  await hands.pressButton(`New ${one} …`)
  await hands.fill('Name', name)
  await hands.fill('Expires (UTC, optional)', expiresAt?.slice(0, 16))
}
