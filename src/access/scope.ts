import type { KeyArea } from '../keyring/key-area.ts'
import type { SuspensionScope } from '../registry/suspension.ts'

/** The keys that a scope is about; undefined for all of the authority. */
export function areaOf(scope: SuspensionScope): KeyArea | undefined {
  if (scope === 'organization') return undefined
  const [site, app, dataClass] = scope.slice(scope.indexOf(':') + 1).split('/')
  const area = { site: site!, app: app as KeyArea['app'] }
  return dataClass === undefined
    ? area
    : { ...area, dataClass: dataClass as NonNullable<KeyArea['dataClass']> }
}

/** The scope of an app. */
export function appScope({ site, app }: KeyArea): SuspensionScope {
  return `app:${site}/${app}`
}

/** The scope of one kind of content of an app. */
export function dataClassScope({ site, app, dataClass }: Required<KeyArea>): SuspensionScope {
  return `data-class:${site}/${app}/${dataClass}`
}
