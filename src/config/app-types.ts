import type { AppType } from '../tenant/tenant.ts'

/** The app types as a configuration may write them; a type that is missing here does not compile. */
export const APP_TYPES = Object.keys({
  jira: true,
  'jira-service-management': true,
  confluence: true,
} satisfies Record<AppType, true>) as [AppType, ...AppType[]]

/** Jira and Jira Service Management share one database, and so one setting and one kind of store. */
export function isJiraFamily(type: string): boolean {
  return type === 'jira' || type === 'jira-service-management'
}
