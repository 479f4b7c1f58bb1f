import type { AuthorityResources } from '../../src/local/aws/world.ts'
import { type ApiGateway, ApiWorld } from '../admin/support/api-world.ts'
import { CustomerAccount } from '../support/customer-account.ts'

const SUSPENDED_WITHIN_MS = 20_000

/**
 * A gateway with something for every rule to refuse: organization `acme` with keys and the sites `byok` (Jira under
 * them), `vendor` (Confluence under the vendor's) and `empty`; `globex`; `denied`, whose customer has disabled a key;
 * `no-byok`, `japanese` without keys of the vendor, and `from-file` of the configuration file.
 */
export class RuleWorld {
  readonly world: ApiWorld
  readonly gateway: ApiGateway
  /** What `acme` has in AWS. */
  readonly acme: AuthorityResources
  /** What `globex` has in AWS. */
  readonly globex: AuthorityResources
  /** Identifier of the suspension that `denied` has brought about in AWS. */
  readonly suspension: string

  private constructor(
    world: ApiWorld,
    gateway: ApiGateway,
    keys: { acme: AuthorityResources; globex: AuthorityResources },
    suspension: string,
  ) {
    this.world = world
    this.gateway = gateway
    this.acme = keys.acme
    this.globex = keys.globex
    this.suspension = suspension
  }

  static async start(): Promise<RuleWorld> {
    const world = await ApiWorld.start()
    const gateway = await world.gateway('rules', (configuration) => {
      configuration['revocation'] = { probeIntervalMs: '500ms' }
      configuration['organizations'] = [
        { id: 'from-file', location: 'europe', sites: [{ name: 'file-site', apps: [{ type: 'jira' }] }] },
      ]
    })
    const create = (path: string, body: unknown) => gateway.organization(path, { body })
    const acme = await world.organization(gateway, 'acme')
    const globex = await world.organization(gateway, 'globex')
    await create('/acme/sites', {
      name: 'byok',
      hosts: ['byok.example'],
      apps: [{ type: 'jira', byok: true }],
    })
    await create('/acme/sites', { name: 'vendor', apps: [{ type: 'confluence' }] })
    await create('/acme/sites', { name: 'empty' })
    await create('/acme/tokens', { name: 'taken', sites: ['byok'] })
    await create('/acme/administrators', { name: 'taken', subject: 'taken' })
    await create('/globex/sites', { name: 'globex', hosts: ['globex.example'] })
    await create('', { id: 'japanese', location: 'japan' })
    await create('', { id: 'no-byok', location: 'europe' })
    await create('/no-byok/sites', { name: 'no-byok' })
    return new RuleWorld(world, gateway, { acme, globex }, await deniedByCustomer(world, gateway))
  }

  async stop(): Promise<void> {
    await this.world.stop()
  }
}

/** Makes organization `denied`, whose customer withdraws access; resolves to the identifier of the suspension. */
async function deniedByCustomer(world: ApiWorld, gateway: ApiGateway): Promise<string> {
  const customer = await world.organization(gateway, 'denied')
  const administrator = await world.aws.createAccount(customer.accountId)
  const gatewayArn = world.world.vendor.gateway.arn
  const account = new CustomerAccount(world.aws, customer, administrator, 'denied', gatewayArn)
  const site = { name: 'denied', apps: [{ type: 'jira', byok: true }] }
  await gateway.organization('/denied/sites', { body: site })
  const { token } = await gateway.organization('/denied/tokens', { body: { name: 'app', sites: ['denied'] } })
  const write = () =>
    gateway.request('/jira/issue/1', 'denied', token as string, {
      method: 'PUT',
      body: '{"id":"1","fields":{"summary":"s"}}',
    })
  await write()
  await account.disableKey()
  const deadline = Date.now() + SUSPENDED_WITHIN_MS
  while (Date.now() < deadline) {
    const suspension = (await write()).headers.get('suspension-id')
    if (suspension !== null) return suspension
    await new Promise((resolve) => setTimeout(resolve, 100))
  }
  throw new Error('the organization was not suspended')
}
