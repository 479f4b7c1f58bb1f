import { counted, reasonName, words } from './format.js'

/** Types of audit events in groups that people look for. */
export const EVENT_GROUPS = [
  {
    value: 'changes',
    name: 'All but key use',
    types: [
      'suspension.started',
      'suspension.changed',
      'suspension.ended',
      'access.verified',
      'access.unavailable',
      'access.grace-ended',
      'access.defect',
      'admin.acted',
      'provisioning.changed',
      'tenant-key.created',
      'tenant-keys.wiped',
      'ciphertext.refused',
      'audit.repaired',
      'audit.events-lost',
      'audit.chain-regressed',
      'audit.pruned',
    ],
  },
  { value: 'key-use', name: 'Key use (calls to AWS)', types: ['key-service.called', 'key-service.proved'] },
  {
    value: 'suspensions',
    name: 'Suspensions',
    types: ['suspension.started', 'suspension.changed', 'suspension.ended'],
  },
  {
    value: 'access',
    name: 'Access to the key service',
    types: ['access.verified', 'access.unavailable', 'access.grace-ended', 'access.defect'],
  },
  { value: 'administration', name: 'Administration', types: ['admin.acted', 'provisioning.changed'] },
  { value: 'keys', name: 'Tenant keys', types: ['tenant-key.created', 'tenant-keys.wiped'] },
  { value: 'refused', name: 'Refused ciphertext', types: ['ciphertext.refused'] },
  { value: 'all', name: 'Everything', types: [] },
]

/** An event in a few words. @param {Record<string, any>} event */
export function eventText(event) {
  const place = [event.site, event.app, event.dataClass].filter(Boolean).join(' / ')
  switch (event.type) {
    case 'key-service.called':
      return [event.operation, event.region, event.awsError].filter(Boolean).join(', ')
    case 'key-service.proved':
      return `${counted(event.uses, 'proof call')} until ${event.until}`
    case 'audit.pruned':
      return `${counted(event.count, 'row')} before ${event.removedBefore} removed`
    case 'suspension.started':
    case 'suspension.changed':
    case 'suspension.ended':
      return [reasonName(event.reason), event.region, event.by].filter(Boolean).join(', ')
    case 'admin.acted':
      return `${event.operation} by ${event.actor} (${event.role})`
    case 'provisioning.changed':
      return [words(event.change), place, `by ${event.by}`].filter(Boolean).join(', ')
    case 'tenant-key.created':
      return `${place}, version ${event.version}`
    case 'tenant-keys.wiped':
      return `${counted(event.keys, 'key')} left memory`
    default:
      return [place, event.detail].filter(Boolean).join(', ')
  }
}

/** @param {Record<string, any>} event */
export const outcomeOf = (event) => event.outcome ?? ''
