import { link, open, readFile, rm } from 'node:fs/promises'
import { randomUUID } from 'node:crypto'
import { newSigningKeyPem, signerFromPem } from '../crypto/signature.ts'
import type { Signer } from '../crypto/signature.ts'

/**
 * The audit signing key in `path` (PKCS #8 PEM, readable by its owner only); made at the first start. When several
 * processes start at once, all end up with the same key. Rejects when the file holds anything else.
 */
export async function openSigningKey(path: string): Promise<Signer> {
  return signerFromPem((await readIfThere(path)) ?? (await create(path)))
}

async function readIfThere(path: string): Promise<string | undefined> {
  try {
    return await readFile(path, 'utf8')
  } catch (thrown) {
    if ((thrown as NodeJS.ErrnoException).code === 'ENOENT') return undefined
    throw thrown
  }
}

async function create(path: string): Promise<string> {
  const pem = newSigningKeyPem()
  const temporary = `${path}.${randomUUID()}`
  const file = await open(temporary, 'wx', 0o600)
  try {
    await file.writeFile(pem)
    await file.sync()
  } finally {
    await file.close()
  }
  try {
    // a link, unlike a rename, fails when another process was first
    await link(temporary, path)
    return pem
  } catch (thrown) {
    if ((thrown as NodeJS.ErrnoException).code !== 'EEXIST') throw thrown
    return await readFile(path, 'utf8')
  } finally {
    await rm(temporary, { force: true })
  }
}
