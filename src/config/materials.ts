import { createHash, createPrivateKey, createPublicKey, type KeyObject, X509Certificate } from 'node:crypto'
import { type ConfigPath, quoted, type RuleFinding } from './finding.ts'
import { refuse, warn } from './rules/rule.ts'
import type { Configuration } from './schema.ts'
import type { SecretReference } from './sections/secret.ts'

/** A token as the gateway keeps it. */
interface TokenMaterial {
  readonly name: string
  /** 64 lower-case hex digits. */
  readonly sha256: string
}

/** PEM texts of one TLS endpoint. */
interface TlsMaterial {
  readonly cert: string | undefined
  readonly key: string | undefined
  /** Authorities of the other side. */
  readonly ca: string | undefined
}

/** Secrets of one S3 store. */
export interface ObjectStoreMaterial {
  readonly secretAccessKey: string
  readonly ca: string | undefined
  /** Secrets of the tenants' access keys, by access key ID. */
  readonly accessKeySecrets: ReadonlyMap<string, string>
  /** Secrets of access keys' own credentials at the store, by the ID that clients use. */
  readonly storeSecrets: ReadonlyMap<string, string>
}

/** What the audit trail refers to. */
interface AuditMaterial {
  /** PKCS #8 PEM. */
  readonly signingKey: string | undefined
  /** PEM texts. */
  readonly publicKeys: readonly string[]
  /** By name of the forwarder. */
  readonly forwarders: ReadonlyMap<string, Record<'secret' | 'authorization' | 'ca', string | undefined>>
}

/** What a configuration refers to outside itself: the environment and other files. Holds secrets: never print it. */
export interface Materials {
  readonly tokens: readonly (TokenMaterial & { readonly sites: readonly string[] })[]
  readonly adminTokens: readonly (TokenMaterial & { readonly role: 'auditor' | 'operator' })[]
  readonly kmsCredentials:
    | {
        readonly accessKeyId: string
        readonly secretAccessKey: string
        readonly sessionToken: string | undefined
      }
    | undefined
  /** Connection URL of the registry, where it is in PostgreSQL. */
  readonly registryUrl: string | undefined
  readonly audit: AuditMaterial
  /** What the secrets of notifications are derived from. */
  readonly notificationSecret: string | undefined
  /** By store name. */
  readonly objectStores: ReadonlyMap<string, ObjectStoreMaterial>
  readonly listenerTls: TlsMaterial | undefined
  readonly adminTls: TlsMaterial | undefined
  /** By store name. */
  readonly storeTls: ReadonlyMap<string, TlsMaterial>
}

/** Where materials come from. */
export interface MaterialSources {
  readonly environment: Readonly<Record<string, string | undefined>>
  /** Reads a file by its path as written in the configuration; throws when it cannot. */
  readFile(path: string): Buffer
}

const TOKEN_CHARACTERS_MIN = 24
const HMAC_CHARACTERS_MIN = 32
const SECRET_BYTES_MAX = 64 * 1024
const PEM_BYTES_MAX = 4 * 1024 * 1024

/** Reads everything that a configuration refers to; what cannot be read or used is a finding. */
export function readMaterials(
  configuration: Configuration,
  sources: MaterialSources,
): { materials: Materials; findings: RuleFinding[] } {
  const reader = new MaterialReader(sources)
  const { listener, admin, audit, kms, registry, onboarding } = configuration
  const materials: Materials = {
    tokens: configuration.tokens.flatMap((token, index) => {
      const sha256 = reader.digest(token, ['tokens', index])
      return sha256 === undefined ? [] : [{ name: token.name, sha256, sites: token.sites }]
    }),
    adminTokens: admin.tokens.flatMap((token, index) => {
      const sha256 = reader.digest(token, ['admin', 'tokens', index])
      return sha256 === undefined ? [] : [{ name: token.name, sha256, role: token.role }]
    }),
    registryUrl: registry.postgres && reader.secret(registry.postgres, ['registry', 'postgres']),
    audit: reader.audit(audit, ['audit']),
    kmsCredentials: kms.credentials && reader.credentials(kms.credentials, ['kms', 'credentials']),
    notificationSecret:
      onboarding.notificationSecret &&
      reader.hmacKey(onboarding.notificationSecret, ['onboarding', 'notificationSecret']),
    objectStores: new Map(
      configuration.objectStores.map((store, index) => [
        store.name,
        reader.objectStore(store, ['objectStores', index]),
      ]),
    ),
    listenerTls:
      listener.tls && reader.tls({ ...listener.tls, caFile: listener.tls.clientCaFile }, ['listener', 'tls']),
    adminTls: admin.tls && reader.tls(admin.tls, ['admin', 'tls']),
    storeTls: new Map(
      configuration.stores.flatMap((store, index) =>
        store.tls === undefined ? [] : [[store.name, reader.tls(store.tls, ['stores', index, 'tls'])]],
      ),
    ),
  }
  reader.refuseSharedTokens()
  return { materials, findings: reader.findings }
}

interface TlsFiles {
  readonly certFile?: string | undefined
  readonly keyFile?: string | undefined
  readonly caFile?: string | undefined
  readonly clientCaFile?: string | undefined
}

class MaterialReader {
  readonly findings: RuleFinding[] = []
  readonly #sources: MaterialSources
  readonly #digests = new Map<string, ConfigPath[]>()

  constructor(sources: MaterialSources) {
    this.#sources = sources
  }

  digest(
    token: { sha256?: string | undefined; env?: string | undefined; file?: string | undefined },
    path: ConfigPath,
  ): string | undefined {
    if (token.sha256 !== undefined) return this.#noteDigest(token.sha256.toLowerCase(), path)
    const reference: SecretReference =
      token.env === undefined ? { file: token.file ?? '' } : { env: token.env }
    const at = [...path, 'env' in reference ? 'env' : 'file']
    const value = this.secret(reference, at)
    if (value === undefined) return undefined
    if (value.length < TOKEN_CHARACTERS_MIN || !/^[\x21-\x7e]+$/.test(value)) {
      const reason = `a token has at least ${TOKEN_CHARACTERS_MIN} printable characters without spaces`
      this.findings.push(
        refuse('weak-token', at, reason, 'Generate one, for example with `openssl rand -base64 32`'),
      )
      return undefined
    }
    return this.#noteDigest(createHash('sha256').update(value).digest('hex'), path)
  }

  hmacKey(reference: SecretReference, path: ConfigPath): string | undefined {
    const value = this.secret(reference, path)
    if (value === undefined || value.length >= HMAC_CHARACTERS_MIN) return value
    const reason = `it has fewer than ${HMAC_CHARACTERS_MIN} characters`
    const remedy = 'Generate one, for example with `openssl rand -base64 32`'
    this.findings.push(refuse('weak-secret', path, reason, remedy))
    return undefined
  }

  secret(reference: SecretReference, path: ConfigPath): string | undefined {
    if ('env' in reference) {
      const value = this.#sources.environment[reference.env]
      if (value !== undefined && value !== '') return value
      const reason = `environment variable ${reference.env} is not set`
      this.findings.push(refuse('secret-missing', path, reason, 'Set it for the process'))
      return undefined
    }
    const content = this.#file(reference.file, path, SECRET_BYTES_MAX)?.replace(/\r?\n$/, '')
    if (content !== '') return content
    this.findings.push(refuse('secret-missing', path, 'the file is empty', 'Write the secret into it'))
    return undefined
  }

  credentials(
    from: NonNullable<Configuration['kms']['credentials']>,
    path: ConfigPath,
  ): Materials['kmsCredentials'] {
    const secretAccessKey = this.secret(from.secretAccessKey, [...path, 'secretAccessKey'])
    const sessionToken = from.sessionToken && this.secret(from.sessionToken, [...path, 'sessionToken'])
    return secretAccessKey === undefined
      ? undefined
      : { accessKeyId: from.accessKeyId, secretAccessKey, sessionToken }
  }

  audit(from: Configuration['audit'], path: ConfigPath): AuditMaterial {
    const signingKey = from.signingKey && this.secret(from.signingKey, [...path, 'signingKey'])
    if (signingKey !== undefined && !isEd25519(() => createPrivateKey(signingKey))) {
      const remedy = 'Generate one with `openssl genpkey -algorithm ed25519`'
      this.findings.push(
        refuse('signing-key', [...path, 'signingKey'], 'this is no Ed25519 private key (PEM)', remedy),
      )
    }
    const publicKeys = from.publicKeyFiles.flatMap((file, index): string[] => {
      const at = [...path, 'publicKeyFiles', index]
      const pem = this.#file(file, at, SECRET_BYTES_MAX)
      if (pem === undefined || isEd25519(() => createPublicKey(pem))) return pem === undefined ? [] : [pem]
      this.findings.push(
        refuse('signing-key', at, 'this is no Ed25519 public key (PEM)', 'Name another file'),
      )
      return []
    })
    const forwarders = from.forwarders.map((forwarder, index) => {
      const at = [...path, 'forwarders', index]
      const secret = forwarder.secret && this.hmacKey(forwarder.secret, [...at, 'secret'])
      const authorization =
        forwarder.authorization && this.secret(forwarder.authorization, [...at, 'authorization'])
      const { ca } = this.tls({ caFile: forwarder.caFile }, at)
      return [forwarder.name, { secret, authorization, ca }] as const
    })
    return { signingKey, publicKeys, forwarders: new Map(forwarders) }
  }

  objectStore(store: Configuration['objectStores'][number], path: ConfigPath): ObjectStoreMaterial {
    const secretPath = [...path, 'credentials', 'secretAccessKey']
    const accessKeySecrets = store.accessKeys.flatMap((key, index): [string, string][] => {
      const at = [...path, 'accessKeys', index, 'secretAccessKey']
      const value = this.secret(key.secretAccessKey, at)
      if (value === undefined) return []
      if (value.length < TOKEN_CHARACTERS_MIN) {
        const reason = `a secret access key has at least ${TOKEN_CHARACTERS_MIN} characters`
        this.findings.push(
          refuse('weak-secret', at, reason, 'Generate one, for example with `openssl rand -base64 32`'),
        )
      }
      return [[key.accessKeyId, value]]
    })
    const storeSecrets = store.accessKeys.flatMap((key, index): [string, string][] => {
      if (key.storeCredentials === undefined) return []
      const at = [...path, 'accessKeys', index, 'storeCredentials', 'secretAccessKey']
      return [[key.accessKeyId, this.secret(key.storeCredentials.secretAccessKey, at) ?? '']]
    })
    return {
      secretAccessKey: this.secret(store.credentials.secretAccessKey, secretPath) ?? '',
      ca: store.tls && this.tls(store.tls, [...path, 'tls']).ca,
      accessKeySecrets: new Map(accessKeySecrets),
      storeSecrets: new Map(storeSecrets),
    }
  }

  tls(files: TlsFiles, path: ConfigPath): TlsMaterial {
    const caKey = files.clientCaFile === undefined ? 'caFile' : 'clientCaFile'
    const read = (file: string | undefined, key: string) =>
      file === undefined ? undefined : this.#file(file, [...path, key], PEM_BYTES_MAX)
    const cert = read(files.certFile, 'certFile')
    const key = read(files.keyFile, 'keyFile')
    const ca = read(files.caFile, caKey)
    if (cert !== undefined) this.#checkCertificate(cert, key, path)
    if (ca !== undefined && certificateOf(ca) === undefined) {
      this.findings.push(
        refuse('certificate', [...path, caKey], 'the file holds no PEM certificate', 'Name a PEM file'),
      )
    }
    return { cert, key, ca }
  }

  /** Tokens from the environment and from files may turn out equal only now. */
  refuseSharedTokens(): void {
    for (const paths of this.#digests.values()) {
      for (const path of paths.slice(1)) {
        const reason = 'another entry has the same token'
        this.findings.push(refuse('credential-shared', path, reason, 'Generate one for each'))
      }
    }
  }

  #noteDigest(digest: string, path: ConfigPath): string {
    const paths = this.#digests.get(digest)
    if (paths === undefined) this.#digests.set(digest, [path])
    else paths.push(path)
    return digest
  }

  #checkCertificate(cert: string, key: string | undefined, path: ConfigPath): void {
    const certificate = certificateOf(cert)
    const at = [...path, 'certFile']
    if (certificate === undefined) {
      this.findings.push(refuse('certificate', at, 'the file holds no PEM certificate', 'Name a PEM file'))
      return
    }
    if (Date.parse(certificate.validTo) < Date.now()) {
      this.findings.push(
        warn('certificate-expired', at, `the certificate expired ${certificate.validTo}`, 'Renew it'),
      )
    }
    if (key === undefined) return
    try {
      if (certificate.checkPrivateKey(createPrivateKey(key))) return
      const reason = 'the key does not belong to the certificate'
      this.findings.push(
        refuse('certificate-key', [...path, 'keyFile'], reason, 'Name the key it was issued for'),
      )
    } catch {
      const reason = 'the file holds no PEM private key without passphrase'
      this.findings.push(refuse('certificate-key', [...path, 'keyFile'], reason, 'Name a PEM file'))
    }
  }

  #file(file: string, path: ConfigPath, bytesMax: number): string | undefined {
    try {
      const content = this.#sources.readFile(file)
      if (content.length <= bytesMax) return content.toString('utf8')
      this.findings.push(
        refuse('file', path, `${quoted(file)} has more than ${bytesMax} bytes`, 'Name another file'),
      )
    } catch (error) {
      const reason = `${quoted(file)} cannot be read${systemReason(error)}`
      this.findings.push(refuse('file', path, reason, 'Correct the path, or let the process read it'))
    }
    return undefined
  }
}

function isEd25519(read: () => KeyObject): boolean {
  try {
    return read().asymmetricKeyType === 'ed25519'
  } catch {
    return false
  }
}

function certificateOf(pem: string): X509Certificate | undefined {
  try {
    return new X509Certificate(pem)
  } catch {
    return undefined
  }
}

/** ` (ENOENT)` for a system error; messages of others may repeat content. */
export function systemReason(error: unknown): string {
  const code = error instanceof Error && 'code' in error ? error.code : undefined
  return typeof code === 'string' && /^[A-Z][A-Z0-9_]{1,63}$/.test(code) ? ` (${code})` : ''
}
