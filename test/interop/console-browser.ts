import { existsSync } from 'node:fs'
import axe from 'axe-core'
import { type Browser, type BrowserContext, chromium, type Page } from 'playwright-core'

const EXECUTABLES = ['/usr/bin/chromium', '/usr/bin/chromium-browser', '/usr/bin/google-chrome']

/** The browser that the machine has. */
export const browserPath = EXECUTABLES.find((path) => existsSync(path))

const FLAGS = [
  '--headless',
  '--no-sandbox',
  '--disable-gpu',
  '--disable-quic',
  '--no-first-run',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync',
]

/** Starts the browser with a profile of its own, which goes with it. */
export async function launchBrowser(): Promise<Browser> {
  return await chromium.launch({ executablePath: browserPath!, args: FLAGS })
}

/** One person at the console: a browser context of their own. */
export class Visitor {
  readonly page: Page
  /** Complaints of the browser: violated policies, uncaught errors. */
  readonly complaints: string[] = []
  readonly #context: BrowserContext
  readonly #base: string

  private constructor(context: BrowserContext, page: Page, base: string) {
    this.#context = context
    this.page = page
    this.#base = base
    page.on('pageerror', (error) => this.complaints.push(error.message))
    page.on('console', (message) => {
      if (message.type() !== 'error' && message.type() !== 'warning') return
      // Refusals of the API are answers to this page, not defects of it.
      if (!message.text().startsWith('Failed to load resource')) this.complaints.push(message.text())
    })
  }

  static async arrive(
    browser: Browser,
    base: string,
    colorScheme: 'light' | 'dark' = 'light',
  ): Promise<Visitor> {
    const context = await browser.newContext({
      colorScheme,
      reducedMotion: 'reduce',
      viewport: { width: 1280, height: 860 },
      acceptDownloads: true,
      timezoneId: 'Europe/Berlin',
    })
    await context.addInitScript({ content: axe.source })
    const visitor = new Visitor(context, await context.newPage(), base)
    await visitor.page.goto(`${base}/console`)
    return visitor
  }

  async signIn(token: string): Promise<void> {
    await this.page.getByLabel('Admin token').fill(token)
    await this.page.getByRole('button', { name: 'Sign in' }).click()
    await this.page.getByRole('button', { name: 'Sign out' }).waitFor()
  }

  /** Goes to a view by its address and waits for its heading. */
  async open(place: string, heading: string): Promise<void> {
    await this.page.goto(`${this.#base}/console#/${place}`)
    await this.page.getByRole('heading', { level: 1, name: heading }).waitFor()
  }

  /** What axe finds at level serious or critical: rule, and where. */
  async seriousViolations(): Promise<string[]> {
    const results = await this.page.evaluate<AxeResults>('axe.run()')
    return results.violations
      .filter(({ impact }) => impact === 'serious' || impact === 'critical')
      .flatMap(({ id, nodes }) =>
        nodes.map(({ target, failureSummary }) => `${id} ${target.join(' ')} ${failureSummary}`),
      )
  }

  async leave(): Promise<void> {
    await this.#context.close()
  }
}

interface AxeResults {
  readonly violations: readonly {
    readonly id: string
    readonly impact: string
    readonly nodes: readonly { readonly target: readonly string[]; readonly failureSummary: string }[]
  }[]
}
