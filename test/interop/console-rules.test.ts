import type { Browser } from 'playwright-core'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { OPERATOR } from '../admin/support/api-world.ts'
import { requestOf } from '../rules/by-api.ts'
import { attempt, Withheld } from '../rules/by-console.ts'
import { actOf, RULE_CASES } from '../rules/cases.ts'
import { RuleWorld } from '../rules/rule-world.ts'
import { browserPath, launchBrowser, Visitor } from './console-browser.ts'

/** How long one looks for what is there, and for what is not. */
const PATIENCE_MS = 15_000
const PATIENCE_IN_VAIN_MS = 1_500

let world: RuleWorld
let browser: Browser
let visitor: Visitor

if (browserPath === undefined)
  console.warn('console-rules.test.ts is skipped: no Chromium (apt-get install chromium)')

describe.skipIf(browserPath === undefined)('the rules of the domain, at the console', () => {
  beforeAll(async () => {
    world = await RuleWorld.start()
    browser = await launchBrowser()
    visitor = await Visitor.arrive(browser, world.gateway.gateway.adminUrl)
    await visitor.signIn(OPERATOR)
  })

  afterAll(async () => {
    await browser?.close()
    await world?.stop()
  })

  beforeEach(async () => {
    // another view than any case begins at, so that what the case before left is gone
    await visitor.open('japanese/audit', 'Audit trail')
  })

  afterEach(() => {
    expect(visitor.complaints.splice(0)).toEqual([])
  })

  const asked = RULE_CASES.filter(({ withheld }) => withheld === undefined)
  const withheld = RULE_CASES.filter((refused) => refused.withheld === true)

  it.each(asked)('refuse $what, and say what to do instead', async (refused) => {
    const act = actOf(refused, world)
    const { method, path, body } = requestOf(act)
    const { json: problem } = await world.gateway.api(`/admin/v1/organizations${path}`, {
      method,
      ...(body === undefined ? {} : { body }),
    })
    await attempt(visitor, act, PATIENCE_MS)
    const alert = visitor.page.getByRole('alert')
    await alert.waitFor()
    const text = (await alert.innerText()).toLowerCase()
    for (const { reason, remedy } of problem.errors as { reason: string; remedy: string }[]) {
      expect(text).toContain(reason.toLowerCase())
      expect(text).toContain(remedy.toLowerCase())
    }
  })

  it.each(withheld)('leave no way to ask for $what', async (refused) => {
    await expect(attempt(visitor, actOf(refused, world), PATIENCE_IN_VAIN_MS)).rejects.toThrow(Withheld)
    expect(await visitor.page.getByRole('alert').count()).toBe(0)
  })
})
