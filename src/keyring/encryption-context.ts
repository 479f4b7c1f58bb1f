import type { DataClass } from '../tenant/tenant.ts'
import type { EncryptionContext } from './key-service.ts'

/** What the encryption context of a tenant key is made from. */
export interface ContextSubject {
  readonly organization: string
  readonly site: string
  readonly app: string
  readonly dataClass: DataClass
  readonly keyId: string
}

/**
 * The encryption context of every KMS call for a tenant key. KMS authenticates it, so a wrapped key moved to
 * another tenant does not unwrap; the customer reads it in CloudTrail and can write key policies on it.
 */
export function encryptionContextOf(subject: ContextSubject): EncryptionContext {
  return {
    'portcullis:organization': subject.organization,
    'portcullis:site': subject.site,
    'portcullis:app': subject.app,
    'portcullis:data-class': subject.dataClass,
    'portcullis:purpose': 'tenant-key',
    'portcullis:key-id': subject.keyId,
  }
}
