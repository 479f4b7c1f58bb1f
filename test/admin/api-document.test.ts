import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { apiDocument } from '../../src/admin/api/document.ts'
import { openApiDocument } from '../../src/admin/api/openapi.ts'

describe('the description of the admin API', () => {
  it('is what docs/ADMIN-API.md says; run with -u to write it anew', async () => {
    await expect(apiDocument()).toMatchFileSnapshot(join(import.meta.dirname, '../../docs/ADMIN-API.md'))
  })

  it('refers only to schemas that it has', () => {
    const document = openApiDocument('1.2.3')
    const names = Object.keys((document['components'] as { schemas: object }).schemas)
    const references = [...JSON.stringify(document).matchAll(/"\$ref":"([^"]*)"/g)].map(
      ([, target]) => target!,
    )
    expect(references.length).toBeGreaterThan(50)
    for (const target of references)
      expect(names.map((name) => `#/components/schemas/${name}`)).toContain(target)
    expect(JSON.stringify(document)).not.toContain('$defs')
  })
})
