import { hash } from 'node:crypto'
import type { Caller } from './caller.ts'

/** An app token as the gateway keeps it. */
export interface TokenEntry {
  readonly name: string
  /** 64 lower-case hex digits. */
  readonly sha256: string
  readonly sites: readonly string[]
}

const TOKEN_CHARACTERS_MAX = 4096

/**
 * Bearer tokens by their SHA-256. What a lookup's time could tell is about digests of guesses, from which no
 * token can be approached; the token itself is never compared.
 */
export class TokenIndex {
  readonly #callers = new Map<string, Caller>()

  constructor(tokens: readonly TokenEntry[]) {
    for (const token of tokens) {
      if (!/^[0-9a-f]{64}$/.test(token.sha256)) throw new Error(`token ${token.name} has no SHA-256 digest`)
      if (this.#callers.has(token.sha256)) throw new Error(`token ${token.name} is that of another entry`)
      this.#callers.set(token.sha256, { name: token.name, sites: new Set(token.sites) })
    }
  }

  find(token: string): Caller | undefined {
    if (token === '' || token.length > TOKEN_CHARACTERS_MAX) return undefined
    return this.#callers.get(hash('sha256', token, 'hex'))
  }
}
