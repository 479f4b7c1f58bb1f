import { z } from 'zod'
import { choice, listOf, noted, optionalText, text, texts } from '../option.ts'

const name = text({
  charactersMax: 64,
  type: 'name, unique in its list',
  example: 'tracker-app',
  reason: 'Shows in logs and audit instead of the token.',
})

/** Exactly one of these three says what the token is. */
const tokenSource = (example: string) => ({
  sha256: optionalText({
    charactersMax: 64,
    type: 'SHA-256 of the token, 64 hex digits; exactly one of sha256, env, file',
    example,
    reason: 'A digest can be kept in the file: it does not give the token away.',
  }),
  env: optionalText({
    charactersMax: 128,
    type: 'name of the environment variable with the token; exactly one of sha256, env, file',
    example: 'PORTCULLIS_TOKEN',
    alternative: true,
    reason: 'For tokens that the platform injects.',
  }),
  file: optionalText({
    charactersMax: 1024,
    type: 'path of the file with the token; exactly one of sha256, env, file',
    example: '/run/secrets/portcullis-token',
    alternative: true,
    reason: 'For tokens that the platform mounts; a line feed at the end does not count.',
  }),
})

const sites = texts({
  charactersMax: 63,
  entriesMin: 1,
  entriesMax: 100_000,
  type: 'site names',
  example: ['acme'],
  reason: 'The only sites it may reach.',
})

/** App tokens of the data plane. */
export const tokens = listOf(
  { name, ...tokenSource('3f0a9be3a4c5d3a26cfa4ee1b9b2d37f2f0c8a4a1b9e6f0d7c5b3a2918e7d6c5'), sites },
  {
    entriesMax: 100_000,
    reason:
      'Bearer tokens of `Portcullis-Authorization`. Generate them, for example with `openssl rand -base64 32`.',
  },
)

/** Tokens of the admin plane. */
export const adminTokens = listOf(
  {
    name: noted(z.string().min(1).max(64), {
      type: 'name, unique in its list',
      example: 'prometheus',
      reason: 'Shows in logs and audit instead of the token.',
    }),
    ...tokenSource('a1c9e0d27b5f48366e8d0c5b9f7a2e41d3c6b8f0a5927e4d1b3c8f6a0e9d7254'),
    role: choice(['auditor', 'operator'], 'What it may do; the least by default. Metrics need either.'),
  },
  { entriesMax: 1_000, reason: 'Bearer tokens of the admin plane.' },
)

/** Client certificates that stand for an app token. */
export const clientCertificates = listOf(
  {
    name,
    fingerprintSha256: optionalText({
      charactersMax: 95,
      type: 'SHA-256 of the DER certificate, 64 hex digits, colons allowed; exactly one of fingerprintSha256, subjectAltName',
      example: '8d969eef6ecad3c29a3a629280e686cf0c3f5d5a86aff3ca12020c923adc6c92',
      reason: 'Pins one certificate.',
    }),
    subjectAltName: optionalText({
      charactersMax: 512,
      type: 'DNS:name or URI:uri as in the certificate; exactly one of fingerprintSha256, subjectAltName',
      example: 'URI:spiffe://vendor.example/tracker',
      alternative: true,
      reason: 'Survives renewal of the certificate; rests on the authority in listener.tls.clientCaFile.',
    }),
    sites,
  },
  { entriesMax: 10_000, reason: 'Apps that authenticate by mutual TLS instead of a token.' },
)
