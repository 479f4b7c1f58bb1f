import type { IncomingHttpHeaders } from 'node:http'
import { StoreRefusal } from './store-refusal.ts'

/**
 * Refuses a write (412) whose If-Match or If-None-Match does not hold for `etag`, the current entity tag or
 * undefined where there is no document (RFC 9110 section 13.2.2).
 */
export function checkWritePreconditions(headers: IncomingHttpHeaders, etag: string | undefined): void {
  const ifMatch = headers['if-match']
  if (ifMatch !== undefined && !(etag !== undefined && listNames(ifMatch, etag, false))) {
    throw new StoreRefusal(412, 'If-Match does not name the current document.')
  }
  const ifNoneMatch = headers['if-none-match']
  if (ifNoneMatch !== undefined && etag !== undefined && listNames(ifNoneMatch, etag, true)) {
    throw new StoreRefusal(412, 'If-None-Match names the current document.')
  }
}

/** Whether a read can be answered 304; refuses it (412) when If-Match does not hold. */
export function isNotModified(headers: IncomingHttpHeaders, etag: string): boolean {
  const ifMatch = headers['if-match']
  if (ifMatch !== undefined && !listNames(ifMatch, etag, false)) {
    throw new StoreRefusal(412, 'If-Match does not name the current document.')
  }
  const ifNoneMatch = headers['if-none-match']
  return ifNoneMatch !== undefined && listNames(ifNoneMatch, etag, true)
}

/** If-None-Match compares weakly, If-Match strongly: a weak tag never satisfies it. */
function listNames(list: string, etag: string, weak: boolean): boolean {
  if (list.trim() === '*') return true
  for (const [, prefix, tag] of list.matchAll(/(W\/)?("[^"]*")/g)) {
    if (tag === etag && (weak || prefix === undefined)) return true
  }
  return false
}
