import { loadCoverage } from '../coverage/load-coverage.ts'
import type { MountedStore } from '../data-plane.ts'
import { StorePool, type StoreTls } from '../upstream/store-pool.ts'
import type { Settings } from './settings.ts'

/** The stores of a configuration, the longest mount first, so that one mount may lie below another. */
export function mountStores({ configuration, materials }: Settings): MountedStore[] {
  const stores = configuration.stores.map((store): MountedStore => ({
    name: store.name,
    mount: store.mount,
    upstreamUrl: store.upstream,
    upstream: new StorePool({
      url: store.upstream,
      connectionsMax: store.connectionsMax,
      connectTimeoutMs: store.connectTimeoutMs,
      headersTimeoutMs: store.headersTimeoutMs,
      idleTimeoutMs: store.idleTimeoutMs,
      tls: storeTls(materials.storeTls.get(store.name), store.tls?.serverName),
    }),
    coverage: loadCoverage(store.coverage, '/'),
    mixed: store.mixed,
    passUncovered: store.passUncovered,
    upgrade: store.upgrade,
    apps: store.apps,
  }))
  return stores.sort((a, b) => b.mount.length - a.mount.length)
}

type TlsTexts = Settings['materials']['storeTls'] extends ReadonlyMap<string, infer Texts> ? Texts : never

function storeTls(texts: TlsTexts | undefined, serverName: string | undefined): StoreTls {
  return {
    ...(texts?.ca === undefined ? {} : { ca: texts.ca }),
    ...(texts?.cert === undefined ? {} : { cert: texts.cert }),
    ...(texts?.key === undefined ? {} : { key: texts.key }),
    ...(serverName === undefined ? {} : { servername: serverName }),
  }
}
