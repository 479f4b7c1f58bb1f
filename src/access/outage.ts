import { timestamp } from '../keyring/clock.ts'
import type { AccessContext } from './access-context.ts'

const EVENTS = {
  none: 'access.verified',
  running: 'access.unavailable',
  'grace-ended': 'access.grace-ended',
  defect: 'access.defect',
} as const

/** What keeps verifications of an authority from giving a verdict. */
export type Outage = keyof typeof EVENTS

/** Audits that an outage has begun, become another or ended. */
export function recordOutage(outage: Outage, authority: string, { options }: AccessContext): void {
  const { audit, clock } = options
  audit.record({ type: EVENTS[outage], at: timestamp(clock.wallTimeMs()), authority })
}
