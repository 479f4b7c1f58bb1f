/** Path of an organization, or of something below it; every part is encoded. */
export function organizations(...parts: readonly string[]): string {
  return `/admin/v1/${['organizations', ...parts].map(encodeURIComponent).join('/')}`
}
