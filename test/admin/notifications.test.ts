import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { AdminListener } from '../../src/admin/listener.ts'
import { notificationRoute } from '../../src/admin/notifications/route.ts'
import { notificationSecret } from '../../src/onboarding/notification-secret.ts'
import { NOTIFICATION_PATH, NOTIFICATION_SECRET_HEADER } from '../../src/onboarding/notification.ts'
import type { AuthorityResources } from '../../src/local/aws/world.ts'
import { startEventBus } from '../../src/local/event-bus.ts'
import { CustomerAccount } from '../support/customer-account.ts'
import { type ApiGateway, ApiWorld } from './support/api-world.ts'
import { FakeClock } from '../keyring/fake-clock.ts'
import { AUTHORITY } from '../access/access-harness.ts'

const GATEWAY_SECRET = Buffer.alloc(32, 7)
const SECRET = notificationSecret(GATEWAY_SECRET, 'acme')

let clock: FakeClock
let listener: AdminListener
let url: string
let verified: string[]
let gate: Promise<void> | undefined
let outcomes: string[]

beforeEach(async () => {
  clock = new FakeClock()
  verified = []
  outcomes = []
  gate = undefined
  const plugin = notificationRoute({
    clock,
    authorityOf: (organization) => (organization === 'acme' ? AUTHORITY : undefined),
    secretOf: (organization) => notificationSecret(GATEWAY_SECRET, organization),
    verifyNow: async (authority) => {
      verified.push(authority.id)
      await gate
    },
    observe: (outcome) => outcomes.push(outcome),
  })
  listener = new AdminListener({
    host: '127.0.0.1',
    port: 0,
    tokens: [],
    metricsOpen: false,
    readiness: () => ({ ready: true, reasons: [] }),
    metrics: async () => ({ contentType: 'text/plain', body: '' }),
    plugins: [plugin],
  })
  url = await listener.listen()
})

afterEach(() => listener.close())

const event = (changes: object = {}): object => ({
  organization: 'acme',
  id: '11111111-2222-3333-4444-555555555555',
  time: new Date(clock.wallTimeMs()).toISOString(),
  account: AUTHORITY.accountId,
  region: 'eu-central-1',
  call: 'DisableKey',
  ...changes,
})

async function post(body: unknown, secret: string | undefined = SECRET): Promise<number> {
  const answer = await fetch(`${url}${NOTIFICATION_PATH}`, {
    method: 'POST',
    headers: {
      'Content-Type': 'application/json',
      ...(secret === '' ? {} : { [NOTIFICATION_SECRET_HEADER]: secret }),
    },
    body: typeof body === 'string' ? body : JSON.stringify(body),
  })
  await answer.arrayBuffer()
  return answer.status
}

describe('a notification', () => {
  test('has access verified at once', async () => {
    expect(await post(event())).toBe(202)
    expect(verified).toEqual(['acme'])
  })

  test('is taken once, however often it is delivered', async () => {
    for (let attempt = 0; attempt < 5; attempt += 1) expect(await post(event())).toBe(202)
    expect(verified).toHaveLength(1)
    expect(outcomes.filter((outcome) => outcome === 'seen')).toHaveLength(4)
  })

  test('shares the next verification with others that come while one runs', async () => {
    let open: () => void = () => undefined
    gate = new Promise((resolve) => {
      open = resolve
    })
    for (let index = 0; index < 20; index += 1) await post(event({ id: `event-${index}` }))
    expect(verified).toHaveLength(1)
    gate = undefined
    open()
    await expect.poll(() => outcomes.length).toBe(2)
    expect(verified).toHaveLength(2)
  })

  test.each([
    ['without the secret', {}, '', 401],
    ['with another secret', {}, 'x'.repeat(43), 403],
    ['with the secret of another organization', {}, notificationSecret(GATEWAY_SECRET, 'globex'), 403],
    [
      'for an organization that is not there',
      { organization: 'globex' },
      notificationSecret(GATEWAY_SECRET, 'globex'),
      403,
    ],
    ['about another account', { account: '999988887777' }, SECRET, 403],
    ['of yesterday', { time: '2020-01-01T00:00:00Z' }, SECRET, 400],
    ['without an identifier', { id: undefined }, SECRET, 400],
    ['with a time that is none', { time: 'soon' }, SECRET, 400],
  ] as const)('%s is refused and verifies nothing', async (_which, changes, secret, status) => {
    expect(await post(event(changes), secret)).toBe(status)
    expect(verified).toEqual([])
  })

  test('that is too long, or is no JSON, is refused', async () => {
    expect(await post(event({ call: 'x'.repeat(20_000) }))).toBe(413)
    expect(await post('{')).toBe(400)
    expect(verified).toEqual([])
  })
})

describe('notifications of a real account', () => {
  const GATEWAY_KEY = 'notification-key-of-at-least-32-characters'
  let world: ApiWorld
  let gateway: ApiGateway
  let token: string
  let credential: { header: string; secret: string }
  let customer: AuthorityResources
  let disconnect: () => void

  beforeAll(async () => {
    world = await ApiWorld.start()
    gateway = await world.gateway(
      'notified',
      (configuration) => {
        // So long that no verification of the gateway's own can be what cuts access.
        configuration['revocation'] = { boundMs: '60s', probeIntervalMs: '6s' }
        configuration['onboarding'] = {
          gatewayPrincipalArn: world.world.vendor.gateway.arn,
          notificationSecret: { env: 'NOTIFICATIONS' },
        }
      },
      { NOTIFICATIONS: GATEWAY_KEY },
    )
    customer = await world.organization(gateway, 'acme')
    await gateway.organization('/acme/sites', {
      body: { name: 'acme', apps: [{ type: 'jira', byok: true }] },
    })
    token = (await gateway.organization('/acme/tokens', { body: { name: 'app', sites: ['acme'] } }))
      .token as string
    credential = await gateway.organization('/acme/byok/notification-secret', { method: 'POST' })
    disconnect = startEventBus(world.aws, customer, {
      adminUrl: gateway.gateway.adminUrl,
      organization: 'acme',
      secret: credential.secret,
    })
  })

  afterAll(async () => {
    disconnect()
    await world?.stop()
  })

  const status = async (): Promise<number> => {
    const answer = await gateway.request('/jira/issue/1', 'acme', token)
    await answer.arrayBuffer()
    return answer.status
  }

  test('name the header and a secret of the organization alone', async () => {
    expect(credential).toMatchObject({ endpoint: null, header: NOTIFICATION_SECRET_HEADER })
    await world.organization(gateway, 'globex')
    const other = await gateway.organization('/globex/byok/notification-secret', { method: 'POST' })
    expect(other.secret).not.toBe(credential.secret)
    expect(other.secret.length).toBeGreaterThanOrEqual(32)
  })

  test.each([
    [
      'the key disabled',
      (account: CustomerAccount) => account.disableKey(),
      (account: CustomerAccount) => account.enableKey(),
    ],
    [
      'the role denied',
      (account: CustomerAccount) => account.denyRole(true),
      (account: CustomerAccount) => account.denyRole(false),
    ],
    [
      'Decrypt denied',
      (account: CustomerAccount) => account.denyDecrypt(true),
      (account: CustomerAccount) => account.denyDecrypt(false),
    ],
  ] as const)(
    'cut access and bring it back long before a verification is due: %s',
    async (_way, revoke, restore) => {
      const credentials = await world.aws.createAccount(customer.accountId)
      const account = new CustomerAccount(
        world.aws,
        customer,
        credentials,
        'acme',
        world.world.vendor.gateway.arn,
      )
      await expect.poll(status, { timeout: 20_000 }).toBe(404)
      await revoke(account)
      await expect.poll(status, { timeout: 20_000 }).toBe(423)
      await restore(account)
      await expect.poll(status, { timeout: 20_000 }).toBe(404)
    },
  )

  test('are counted, and their secret is in no log', async () => {
    const { text } = await gateway.api('/metrics')
    expect(text).toMatch(/portcullis_notification_duration_seconds_count\{outcome="verified"\} [1-9]/)
    expect(gateway.logs.text).not.toContain(credential.secret)
  })
})
