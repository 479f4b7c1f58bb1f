/**
 * What the caller may do, read from the description that the API serves of itself: operations it does not offer, or
 * not to this role, have no controls.
 */
export class Permissions {
  /** @type {Map<string, string>} */
  #accessByOperation = new Map()
  #identity

  /** @param {any} openApi @param {import('./shapes.js').Identity} identity */
  constructor(openApi, identity) {
    this.#identity = identity
    for (const item of Object.values(openApi.paths ?? {})) {
      for (const operation of Object.values(item)) {
        if (operation.operationId) this.#accessByOperation.set(operation.operationId, operation['x-access'])
      }
    }
  }

  /** @param {import('./shapes.js').OperationId} operation */
  may(operation) {
    const { role, organization } = this.#identity
    switch (this.#accessByOperation.get(operation)) {
      case 'self':
      case 'read':
        return true
      case 'manage':
        return role === 'operator' || role === 'org-admin'
      case 'operate':
        return role === 'operator' && organization === null
      case 'oversee':
        return (role === 'operator' || role === 'auditor') && organization === null
      default:
        return false
    }
  }
}
