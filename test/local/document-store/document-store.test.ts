import { mkdtempSync, readdirSync, rmSync } from 'node:fs'
import { request as httpRequest } from 'node:http'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { gzipSync } from 'node:zlib'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { startDocumentStore } from '../../../src/local/document-store/document-store.ts'
import type { DocumentStore } from '../../../src/local/document-store/document-store.ts'

const COLLECTIONS = ['issue', 'comment']
const ODD_BODY = '{ "id" : 12345678901234567890,\n"summary":"caf\\u00e9 \u{1F600}" , "id":1e400, "a":[ ] }'
const JSON_TYPE = { 'Content-Type': 'application/json' }

let directory: string
let store: DocumentStore

async function start(bodyBytesMax?: number): Promise<void> {
  store = await startDocumentStore({
    directory,
    collections: COLLECTIONS,
    port: 0,
    ...(bodyBytesMax === undefined ? {} : { bodyBytesMax }),
  })
}

async function send(
  method: string,
  path: string,
  body?: string | Uint8Array,
  headers: Record<string, string> = JSON_TYPE,
) {
  return fetch(`${store.url}${path}`, {
    method,
    headers,
    ...(body === undefined ? {} : { body }),
  })
}

async function textOf(path: string): Promise<string> {
  return (await send('GET', path)).text()
}

beforeEach(async () => {
  directory = mkdtempSync(join(tmpdir(), 'document-store-'))
  await start()
})

afterEach(async () => {
  await store.stop()
  rmSync(directory, { recursive: true, force: true })
})

describe('single documents', () => {
  it('keeps a body byte for byte, with its type and encoding', async () => {
    const zipped = gzipSync(ODD_BODY)
    const type = 'application/vnd.example+json; charset=utf-8'
    const put = await send('PUT', '/issue/TEST-1', zipped, {
      'Content-Type': type,
      'Content-Encoding': 'gzip',
    })
    expect(put.status).toBe(201)
    expect(put.headers.get('location')).toBe('/issue/TEST-1')
    const answer = await send('GET', '/issue/TEST-1')
    expect(answer.headers.get('content-type')).toBe(type)
    expect(answer.headers.get('content-encoding')).toBe('gzip')
    expect(answer.headers.get('content-length')).toBe(String(zipped.byteLength))
    expect(await answer.text()).toBe(ODD_BODY)
  })

  it('answers POST with 201, Location and the generated id, whatever id the body has', async () => {
    const answer = await send('POST', '/issue', ODD_BODY)
    const { id } = (await answer.json()) as { id: string }
    expect(answer.status).toBe(201)
    expect(answer.headers.get('location')).toBe(`/issue/${id}`)
    expect(await textOf(`/issue/${id}`)).toBe(ODD_BODY)
  })

  it('never hands out an id that is taken or was used before a restart', async () => {
    const first = ((await (await send('POST', '/issue', '1')).json()) as { id: string }).id
    await send('PUT', `/issue/${Number(first) + 1}`, '2')
    await send('DELETE', `/issue/${first}`)
    await store.stop()
    await start()
    const second = ((await (await send('POST', '/issue', '3')).json()) as { id: string }).id
    expect(Number(second)).toBeGreaterThan(Number(first) + 1)
  })

  it('replaces with 204 and answers HEAD like GET without a body', async () => {
    await send('PUT', '/issue/1', '{"a":1}')
    expect((await send('PUT', '/issue/1', '{"a":22}')).status).toBe(204)
    const head = await send('HEAD', '/issue/1')
    expect([head.status, head.headers.get('content-length'), await head.text()]).toEqual([200, '8', ''])
    expect(head.headers.get('etag')).toBe((await send('GET', '/issue/1')).headers.get('etag'))
  })

  it('deletes, then answers 404 with a problem document', async () => {
    await send('PUT', '/issue/1', '1')
    expect((await send('DELETE', '/issue/1')).status).toBe(204)
    for (const method of ['GET', 'DELETE', 'PATCH']) {
      const answer = await send(method, '/issue/1', method === 'PATCH' ? '{}' : undefined)
      expect(answer.status).toBe(404)
      expect(answer.headers.get('content-type')).toBe('application/problem+json')
      expect(await answer.json()).toMatchObject({ status: 404, title: 'Not Found' })
    }
  })

  it('keeps ids of any characters apart', async () => {
    for (const id of ['a%2Fb', 'a', '%F0%9F%98%80', '..%2F..', "'%22%3B"])
      await send('PUT', `/issue/${id}`, `"${id}"`)
    for (const id of ['a%2Fb', 'a', '%F0%9F%98%80', '..%2F..', "'%22%3B"]) {
      expect(await textOf(`/issue/${id}`)).toBe(`"${id}"`)
    }
  })

  it('refuses unknown collections and methods', async () => {
    expect((await send('GET', '/page/1')).status).toBe(404)
    expect((await send('GET', '/')).status).toBe(404)
    expect((await send('GET', '/issue/1/2')).status).toBe(404)
    expect((await send('GET', '/issue/%ff')).status).toBe(400)
    const post = await send('POST', '/issue/1', '1')
    expect([post.status, post.headers.get('allow')]).toEqual([405, 'GET, HEAD, PUT, PATCH, DELETE'])
    const del = await send('DELETE', '/issue')
    expect([del.status, del.headers.get('allow')]).toEqual([405, 'POST, GET, HEAD'])
  })
})

describe('conditional requests', () => {
  it('changes the entity tag with every write and honours If-Match and If-None-Match', async () => {
    const created = (await send('PUT', '/issue/1', '1')).headers.get('etag')!
    const replaced = (await send('PUT', '/issue/1', '1')).headers.get('etag')!
    expect(replaced).not.toBe(created)
    const status = async (method: string, headers: Record<string, string>, body?: string): Promise<number> =>
      (await send(method, '/issue/1', body, { ...JSON_TYPE, ...headers })).status
    expect(await status('GET', { 'If-None-Match': `"x", W/${replaced}` })).toBe(304)
    expect(await status('GET', { 'If-None-Match': created })).toBe(200)
    expect(await status('GET', { 'If-Match': created })).toBe(412)
    expect(await status('PUT', { 'If-Match': created }, '2')).toBe(412)
    expect(await status('PUT', { 'If-None-Match': '*' }, '2')).toBe(412)
    expect(await status('PATCH', { 'If-Match': created }, '{}')).toBe(412)
    expect(await status('DELETE', { 'If-Match': created })).toBe(412)
    expect(await status('PUT', { 'If-Match': replaced }, '2')).toBe(204)
    expect(await textOf('/issue/1')).toBe('2')
    expect((await send('PUT', '/issue/none', '2', { ...JSON_TYPE, 'If-Match': '*' })).status).toBe(412)
    expect((await send('PUT', '/issue/none', '2', { ...JSON_TYPE, 'If-None-Match': '*' })).status).toBe(201)
  })
})

describe('lists', () => {
  it('splices the stored bytes verbatim, in order of creation, page by page', async () => {
    const bodies = Array.from({ length: 5 }, (_, index) => ` {"n": ${index}, "x":${ODD_BODY}}\n`)
    for (const [index, body] of bodies.entries()) await send('PUT', `/issue/${9 - index}`, body)
    await send('PUT', '/issue/9', bodies[0])
    expect(await textOf('/issue?limit=5')).toBe(`{"items":[${bodies.join(',')}],"next":null}`)
    const first = await textOf('/issue?limit=2')
    expect(first.startsWith(`{"items":[${bodies[0]},${bodies[1]}],"next":"`)).toBe(true)
    const cursor = /"next":"(\w+)"\}$/.exec(first)![1]!
    await send('DELETE', '/issue/9')
    expect(await textOf(`/issue?limit=2&cursor=${cursor}`)).toContain(`[${bodies[2]},${bodies[3]}],"next":"`)
    expect(await textOf('/comment')).toBe('{"items":[],"next":null}')
  })

  it('streams long lists of large documents and decodes encoded ones', async () => {
    const large = JSON.stringify({ text: 'x'.repeat(400_000) })
    await send('POST', '/issue', large)
    await send('POST', '/issue', gzipSync('{"z":1}'), { ...JSON_TYPE, 'Content-Encoding': 'gzip' })
    await send('POST', '/issue', 'plain words', { 'Content-Type': 'text/plain' })
    await send('POST', '/issue', large)
    expect(await textOf('/issue')).toBe(`{"items":[${large},{"z":1},${large}],"next":null}`)
  })

  it('refuses a limit or cursor that makes no sense', async () => {
    for (const query of ['limit=0', 'limit=-1', 'limit=x', 'limit=', 'cursor=zz', 'cursor=-1']) {
      expect((await send('GET', `/issue?${query}`)).status, query).toBe(400)
    }
  })
})

describe('durability', () => {
  it('keeps everything over a restart, large bodies included', async () => {
    const large = 'y'.repeat(1_000_000)
    await send('PUT', '/issue/1', ODD_BODY)
    await send('PUT', '/issue/2', JSON.stringify(large))
    const etag = (await send('HEAD', '/issue/1')).headers.get('etag')
    await store.stop()
    await start()
    expect(await textOf('/issue/1')).toBe(ODD_BODY)
    expect(JSON.parse(await textOf('/issue/2'))).toBe(large)
    expect((await send('HEAD', '/issue/1')).headers.get('etag')).toBe(etag)
  })

  it('keeps the old document and no trace when the client leaves mid-body', async () => {
    await send('PUT', '/issue/1', '"old"')
    for (const sentBytes of [10, 900_000]) {
      await new Promise<void>((resolve) => {
        const upload = httpRequest(`${store.url}/issue/1`, {
          method: 'PUT',
          headers: { ...JSON_TYPE, 'Content-Length': 2_000_000 },
        })
        upload.on('error', () => resolve())
        upload.write(Buffer.alloc(sentBytes, 0x20), () =>
          setTimeout(() => upload.destroy(new Error('left')), 20),
        )
      })
    }
    await expect.poll(() => readdirSync(join(directory, 'bodies'))).toEqual([])
    expect(await textOf('/issue/1')).toBe('"old"')
  })

  it('removes the body files of replaced, deleted and refused documents', async () => {
    const large = JSON.stringify('z'.repeat(600_000))
    await send('PUT', '/issue/1', large)
    await send('PUT', '/issue/1', large)
    expect(readdirSync(join(directory, 'bodies'))).toHaveLength(1)
    expect((await send('PUT', '/issue/1', large, { ...JSON_TYPE, 'If-None-Match': '*' })).status).toBe(412)
    expect(readdirSync(join(directory, 'bodies'))).toHaveLength(1)
    await send('DELETE', '/issue/1')
    expect(readdirSync(join(directory, 'bodies'))).toEqual([])
  })

  it('refuses a document beyond the limit, declared or not', async () => {
    await store.stop()
    await start(1_000)
    expect((await send('PUT', '/issue/1', 'x'.repeat(1_001))).status).toBe(413)
    const stream = new Blob(['x'.repeat(5_000)]).stream()
    const answer = await fetch(`${store.url}/issue/1`, {
      method: 'PUT',
      body: stream,
      duplex: 'half',
    })
    expect(answer.status).toBe(413)
    expect((await send('GET', '/issue/1')).status).toBe(404)
  })
})
