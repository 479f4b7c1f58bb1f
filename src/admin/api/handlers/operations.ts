import type { z } from 'zod'
import { auditEntries } from '../../../audit/entries.ts'
import { exportNdjson } from '../../../audit/ndjson.ts'
import { verifyChain } from '../../../audit/verify-chain.ts'
import { verifierFromPem } from '../../../crypto/signature.ts'
import { PortcullisError } from '../../../errors.ts'
import type { QueryOf } from '../contract/contract.ts'
import type { auditPage } from '../contract/operations.ts'
import { type ApiAnswer, type ApiHandlers, type ApiServices, type ApiStream, DONE } from '../handler.ts'
import { pageFrom, pageOf } from '../page.ts'
import { rotationView, suspensionView } from '../views.ts'

/** Suspensions, tenant keys and the audit trail. */
export const operationHandlers: ApiHandlers<
  | 'suspension.list'
  | 'suspension.statement'
  | 'suspension.place'
  | 'suspension.lift'
  | 'key.list'
  | 'rotation.list'
  | 'rotation.start'
  | 'rotation.get'
  | 'audit.list'
  | 'audit.verify'
  | 'audit.keys'
  | 'audit.list-chain'
> = {
  'suspension.list': async ({ services, params, query }) => {
    const { id } = services.organizations.get(params['organization']!)
    const { items, next } = await pageFrom(
      (before, limit) => services.suspensions.list(id, before, limit),
      (suspension) => suspension.id,
      query,
    )
    return { body: { items: items.map(suspensionView), next } }
  },

  'suspension.statement': async ({ services, params }) => {
    const { id } = services.organizations.get(params['organization']!)
    return { body: await services.suspensions.statement(id, params['suspension']!) }
  },

  'suspension.place': ({ services, administrator, params }) => ({
    body: suspensionView(services.suspensions.place(administrator, params['organization']!)),
  }),

  'suspension.lift': async ({ services, administrator, params }) => {
    await services.suspensions.lift(administrator, params['organization']!, params['suspension']!)
    return DONE
  },

  'key.list': ({ services, params, query }) => {
    const { id } = services.organizations.get(params['organization']!)
    const keys = services.tenantKeys(id).sort((a, b) => (sortKey(a.key) < sortKey(b.key) ? -1 : 1))
    const { items, next } = pageOf(keys, ({ key }) => sortKey(key), query)
    const shown = items.map(({ key, encrypts }) => ({
      keyId: key.keyId,
      site: key.site,
      app: key.app,
      dataClass: key.dataClass,
      version: key.version,
      encrypts,
      authority: key.authorityId,
      regions: key.copies.map(({ region }) => region),
      createdAt: key.createdAt,
    }))
    return { body: { items: shown, next } }
  },

  'rotation.list': async ({ services, params, query }) => {
    const { id } = services.organizations.get(params['organization']!)
    const { items, next } = await pageFrom(
      (before, limit) => services.rotations.list(id, before, limit),
      (job) => job.id,
      query,
    )
    return { body: { items: items.map(rotationView), next } }
  },

  'rotation.start': async ({ services, administrator, params, body }) => {
    const job = await services.rotations.request(administrator, params['organization']!, body)
    return { body: rotationView(job) }
  },

  'rotation.get': async ({ services, params }) => ({
    body: rotationView(await services.rotations.get(params['organization']!, params['rotation']!)),
  }),

  'audit.list': ({ services, params, query, alternative }) => {
    const { id } = services.organizations.get(params['organization']!)
    return auditAnswer(services, id, query, alternative)
  },

  'audit.verify': async ({ services, params }) => {
    const { id } = services.organizations.get(params['organization']!)
    await services.flushAudit(true)
    const verifiers = (await services.auditPublicKeys()).map(verifierFromPem)
    const { ok, rows, firstSequence, lastSequence, checkpoints, signedUpTo, prunedUpTo, problems } =
      await verifyChain(auditEntries(services.audit, { chain: id }), verifiers, {
        checkpoints: services.auditCheckpoints(id),
      })
    return {
      body: {
        ok,
        chain: id,
        rows,
        firstSequence,
        lastSequence,
        checkpoints,
        signedUpTo,
        prunedUpTo,
        problems: problems.map(({ kind, sequence, detail }) => ({ kind, sequence, detail })),
      },
    }
  },

  'audit.keys': async ({ services, params, query }) => {
    services.organizations.get(params['organization']!)
    const keys = (await services.auditPublicKeys())
      .map((publicKeyPem) => ({ keyId: verifierFromPem(publicKeyPem).keyId, publicKeyPem }))
      .sort((a, b) => (a.keyId < b.keyId ? -1 : 1))
    return { body: pageOf(keys, ({ keyId }) => keyId, query) }
  },

  'audit.list-chain': ({ services, params, query, alternative }) => {
    const chain = params['chain']!
    if (
      services.catalog.organization(chain) === undefined &&
      !/^(vendor:[a-z-]+|system:audit)$/.test(chain)
    ) {
      throw new PortcullisError('resource-unknown', 'There is no such chain.')
    }
    return auditAnswer(services, chain, query, alternative)
  },
}

/** Newest last, so that a cursor stands still while keys are added. */
function sortKey({ createdAt, keyId }: { readonly createdAt: string; readonly keyId: string }): string {
  return `${createdAt} ${keyId}`
}

async function auditAnswer(
  services: ApiServices,
  chain: string,
  query: QueryOf<'audit.list'>,
  stream: boolean,
): Promise<ApiAnswer<z.input<typeof auditPage>> | ApiStream> {
  // what the caller has just done is to be in what they read
  await services.flushAudit(stream)
  const { after, limit, types, from, to, site, outcome } = query
  const filter = {
    chain,
    afterSequence: after,
    ...(from === undefined ? {} : { from: new Date(from).toISOString() }),
    ...(to === undefined ? {} : { to: new Date(to).toISOString() }),
    ...(types === undefined ? {} : { types: types.split(',').filter((type) => type !== '') }),
    ...(site === undefined ? {} : { site }),
    ...(outcome === undefined ? {} : { outcome }),
  }
  if (stream) return { stream: exportNdjson(services.audit, filter) }
  const rows = await services.audit.rows({ ...filter, limit: limit + 1 })
  const items = rows.slice(0, limit).map((row) => ({ ...row, event: { ...row.event } }))
  const next = rows.length > limit ? (items.at(-1)?.sequence ?? null) : null
  return { body: { items, next } }
}
