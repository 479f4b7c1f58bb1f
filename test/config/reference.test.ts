import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { parse } from 'yaml'
import { formatFinding } from '../../src/config/finding.ts'
import { loadConfiguration } from '../../src/config/load.ts'
import { parseConfiguration } from '../../src/config/parse.ts'
import { referenceYaml } from '../../src/config/reference.ts'
import { configurationSchema } from '../../src/config/schema.ts'

const folder = join(import.meta.dirname, '../../config')

describe('the reference configuration', () => {
  it('is what the schema says; `npx vitest run test/config/reference.test.ts -u` writes it anew', async () => {
    await expect(referenceYaml()).toMatchFileSnapshot(join(folder, 'reference.yaml'))
  })

  it('is a valid configuration', () => {
    expect(parseConfiguration(referenceYaml(), 'reference.yaml').findings.map(formatFinding)).toEqual([])
  })

  it('shows every section, and every default as it is when left out', () => {
    const shown = parse(referenceYaml()) as Record<string, unknown>
    expect(Object.keys(shown)).toEqual(Object.keys(configurationSchema.shape))
    const defaults = configurationSchema.parse({ registry: { file: 'a' } })
    const written = configurationSchema.parse(shown)
    expect(written.listener.limits).toEqual(defaults.listener.limits)
    expect(written.revocation).toEqual(defaults.revocation)
    expect(written.keyCache).toEqual(defaults.keyCache)
    expect({ ...defaults.kms, ...written.kms }).toEqual({ ...written.kms, ...defaults.kms })
  })
})

describe('the example configuration', () => {
  it('passes the offline check without even a warning', () => {
    const text = readFileSync(join(folder, 'example.yaml'), 'utf8')
    expect(parseConfiguration(text, 'example.yaml').findings.map(formatFinding)).toEqual([])
  })

  it('names what it needs when that is missing', () => {
    expect(() => loadConfiguration(join(folder, 'example.yaml'), {})).toThrow(
      /PORTCULLIS_TRACKER_TOKEN is not set/,
    )
  })
})
