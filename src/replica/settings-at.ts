import type { Settings } from '../composition/settings.ts'
import type { Addresses } from './messages.ts'

/** Settings with the ports that the first process has found for those left open. */
export function settingsAt(settings: Settings, addresses: Addresses | undefined): Settings {
  if (addresses === undefined) return settings
  const { configuration, materials } = settings
  const { listener, admin, objectStores } = configuration
  const portOf = (url: string | undefined, otherwise: number): number =>
    url === undefined ? otherwise : Number(new URL(url).port) || otherwise
  return {
    materials,
    configuration: {
      ...configuration,
      listener: { ...listener, port: portOf(addresses.gateway, listener.port) },
      admin: { ...admin, port: portOf(addresses.admin, admin.port) },
      objectStores: objectStores.map((store) => ({
        ...store,
        port: portOf(addresses.objectStores.get(store.name), store.port),
      })),
    },
  }
}
