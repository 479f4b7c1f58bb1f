/** Name of the site of a tenant of the bench. */
export function siteOf(tenant: number): string {
  return `site-${tenant}`
}
