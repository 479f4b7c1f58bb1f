/**
 * AWS policy wildcards: `*` any run of characters, `?` exactly one. Linear in practice: on a mismatch it only
 * ever returns to the latest `*`, so a hostile pattern costs at most pattern x text.
 */
export function matchesWildcard(pattern: string, text: string): boolean {
  let patternAt = 0
  let textAt = 0
  let starAt = -1
  let resumeAt = 0
  while (textAt < text.length) {
    const wanted = pattern[patternAt]
    if (wanted === '*') {
      starAt = patternAt++
      resumeAt = textAt
    } else if (wanted === '?' || (wanted !== undefined && wanted === text[textAt])) {
      patternAt++
      textAt++
    } else if (starAt >= 0) {
      patternAt = starAt + 1
      textAt = ++resumeAt
    } else {
      return false
    }
  }
  while (pattern[patternAt] === '*') patternAt++
  return patternAt === pattern.length
}
