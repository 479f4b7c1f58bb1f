/** The state of an object that conditions are about. */
export interface ObjectValidators {
  /** With its quotes. */
  readonly etag: string
  readonly lastModifiedMs: number
}

/** Conditional headers of a read, or of a copy's source. */
export interface Conditions {
  readonly ifMatch: string | undefined
  readonly ifNoneMatch: string | undefined
  readonly ifModifiedSince: string | undefined
  readonly ifUnmodifiedSince: string | undefined
}

/**
 * What a read's conditions lead to (RFC 9110 section 13.2.2): an entity tag outranks the date of its kind, and
 * a date that does not parse is ignored.
 */
export function evaluateConditions(
  conditions: Conditions,
  object: ObjectValidators,
): 'met' | 'not-modified' | 'failed' {
  if (conditions.ifMatch !== undefined) {
    if (!matchesEtag(conditions.ifMatch, object.etag)) return 'failed'
  } else if (conditions.ifUnmodifiedSince !== undefined) {
    if (secondsOf(object.lastModifiedMs) > secondsOfDate(conditions.ifUnmodifiedSince, Infinity))
      return 'failed'
  }
  if (conditions.ifNoneMatch !== undefined) {
    return matchesEtag(conditions.ifNoneMatch, object.etag) ? 'not-modified' : 'met'
  }
  if (conditions.ifModifiedSince !== undefined) {
    const since = secondsOfDate(conditions.ifModifiedSince, -Infinity)
    return secondsOf(object.lastModifiedMs) <= since ? 'not-modified' : 'met'
  }
  return 'met'
}

/** True when a list of entity tags, or `*`, names `etag`; quotes and weakness do not matter, as in S3. */
export function matchesEtag(list: string, etag: string): boolean {
  if (list.trim() === '*') return true
  const bare = bareEtag(etag)
  return list.split(',').some((candidate) => bareEtag(candidate) === bare)
}

/** An entity tag without quotes and weakness. */
export function bareEtag(etag: string): string {
  return etag.trim().replace(/^W\//, '').replace(/^"|"$/g, '')
}

function secondsOf(epochMs: number): number {
  return Math.floor(epochMs / 1000)
}

function secondsOfDate(text: string, otherwise: number): number {
  const epochMs = Date.parse(text)
  return Number.isNaN(epochMs) ? otherwise : secondsOf(epochMs)
}
