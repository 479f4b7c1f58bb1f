import type { Caller, PeerCertificate } from './caller.ts'

/** A client certificate that stands for a token: exactly one of the two says which. */
export interface CertificateEntry {
  readonly name: string
  readonly fingerprintSha256?: string | undefined
  readonly subjectAltName?: string | undefined
  readonly sites: readonly string[]
}

/** Client certificates by fingerprint and by subject alternative name; a fingerprint wins. */
export class CertificateIndex {
  readonly #byFingerprint = new Map<string, Caller>()
  readonly #byName = new Map<string, Caller>()

  constructor(entries: readonly CertificateEntry[]) {
    for (const { name, fingerprintSha256, subjectAltName, sites } of entries) {
      const caller = { name, sites: new Set(sites) }
      if (fingerprintSha256 !== undefined) this.#byFingerprint.set(digits(fingerprintSha256), caller)
      else if (subjectAltName !== undefined) this.#byName.set(subjectAltName, caller)
      else throw new Error(`client certificate ${name} is not described`)
    }
  }

  find(certificate: PeerCertificate): Caller | undefined {
    const pinned = this.#byFingerprint.get(digits(certificate.fingerprint256))
    if (pinned !== undefined || this.#byName.size === 0) return pinned
    for (const name of subjectAltNames(certificate.subjectaltname ?? '')) {
      const caller = this.#byName.get(name)
      if (caller !== undefined) return caller
    }
    return undefined
  }
}

function digits(fingerprint: string): string {
  return fingerprint.replaceAll(':', '').toLowerCase()
}

/**
 * The names of a node:tls `subjectaltname`. Node quotes a name that holds a separator (CVE-2021-44532); such a
 * list is not split at all, so that no part of a name can pass for another name.
 */
function subjectAltNames(list: string): string[] {
  return list.includes('"') ? [] : list.split(', ')
}
