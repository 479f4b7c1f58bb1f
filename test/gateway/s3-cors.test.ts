import { PutBucketCorsCommand } from '@aws-sdk/client-s3'
import { beforeAll, describe, expect, it } from 'vitest'
import { readObject } from '../support/object-content.ts'
import { formData, signedForm } from '../support/post-form.ts'
import { presign } from '../support/presign.ts'
import { s3Scene } from '../support/s3-scene.ts'
import { ACCESS_KEYS, BUCKET as Bucket, REGION } from '../support/s3-world.ts'

const ORIGIN = 'http://localhost:3000'
const ALLOWED = 'access-control-allow-origin'
const s3 = s3Scene()

describe('a page of another origin, before the embedded store', () => {
  beforeAll(async () => {
    const CORSRules = [
      { AllowedMethods: ['GET', 'PUT', 'POST'], AllowedOrigins: [ORIGIN], AllowedHeaders: ['content-type'] },
    ]
    await s3.acme.send(new PutBucketCorsCommand({ Bucket, CORSConfiguration: { CORSRules } }))
  })

  it('uploads and reads by presigned requests once a rule of the bucket allows it', async () => {
    const url = `${s3.world.url}/${Bucket}/presigned`
    const asked = { 'access-control-request-method': 'PUT', 'access-control-request-headers': 'content-type' }
    const preflight = (origin: string): Promise<Response> =>
      fetch(url, { method: 'OPTIONS', headers: { ...asked, origin } })
    expect((await preflight(ORIGIN)).headers.get(ALLOWED)).toBe(ORIGIN)
    expect((await preflight('http://elsewhere.test')).status).toBe(403)
    for (const method of ['PUT', 'GET']) {
      const request = { method, path: `/${Bucket}/presigned`, host: new URL(url).host }
      const target = await presign(request, ACCESS_KEYS.acme, REGION)
      const body = method === 'PUT' ? { body: 'of a page' } : {}
      const answer = await fetch(s3.world.url + target, { method, headers: { origin: ORIGIN }, ...body })
      expect([answer.status, answer.headers.get(ALLOWED)]).toEqual([200, ORIGIN])
      expect(await answer.text()).toBe(method === 'PUT' ? '' : 'of a page')
    }
  })

  it('posts forms', async () => {
    const conditions = [{ bucket: Bucket }, { key: 'posted' }]
    const fields = signedForm({ credential: ACCESS_KEYS.acme, region: REGION, conditions })
    const body = formData([['key', 'posted'], ...fields], Buffer.from('of a form'))
    const answer = await fetch(`${s3.world.url}/${Bucket}`, {
      method: 'POST',
      headers: { origin: ORIGIN },
      body,
    })
    expect([answer.status, answer.headers.get(ALLOWED)]).toEqual([204, ORIGIN])
    expect((await readObject(s3.acme, 'posted')).toString()).toBe('of a form')
  })
})
