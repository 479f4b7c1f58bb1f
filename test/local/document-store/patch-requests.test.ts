import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { startDocumentStore } from '../../../src/local/document-store/document-store.ts'
import type { DocumentStore } from '../../../src/local/document-store/document-store.ts'

let directory: string
let store: DocumentStore

beforeAll(async () => {
  directory = mkdtempSync(join(tmpdir(), 'document-store-'))
  store = await startDocumentStore({ directory, collections: ['issue'], port: 0 })
})

afterAll(async () => {
  await store.stop()
  rmSync(directory, { recursive: true, force: true })
})

async function send(method: string, body: string, type: string): Promise<Response> {
  return fetch(`${store.url}/issue/1`, { method, body, headers: { 'Content-Type': type } })
}

async function current(): Promise<string> {
  return (await fetch(`${store.url}/issue/1`)).text()
}

it('merges application/merge-patch+json and application/json alike and changes the entity tag', async () => {
  const etag = (await send('PUT', '{ "a":1, "b" : {"c":2} }', 'application/json; v=1')).headers.get('etag')
  const answer = await send('PATCH', '{"b":{"c":null,"d":3}}', 'application/merge-patch+json')
  expect(answer.status).toBe(204)
  expect(answer.headers.get('etag')).not.toBe(etag)
  expect(await current()).toBe('{ "a":1, "b" : {"d":3} }')
  await send('PATCH', '{"a":5}', 'application/json')
  expect(await current()).toBe('{ "a":5, "b" : {"d":3} }')
  expect((await fetch(`${store.url}/issue/1`)).headers.get('content-type')).toBe('application/json; v=1')
})

it('applies application/json-patch+json and leaves the document alone when an operation fails', async () => {
  await send('PUT', '{"a":1}', 'application/json')
  const operations = '[{"op":"add","path":"/b","value":[1]},{"op":"remove","path":"/missing"}]'
  expect((await send('PATCH', operations, 'application/json-patch+json')).status).toBe(409)
  expect(await current()).toBe('{"a":1}')
  const good = '[{"op":"add","path":"/b","value":[1]}]'
  expect((await send('PATCH', good, 'application/json-patch+json')).status).toBe(204)
  expect(await current()).toBe('{"a":1,"b":[1]}')
})

it('patches a document that is stored in a file', async () => {
  const large = 'w'.repeat(700_000)
  await send('PUT', `{"a":1,"large":"${large}"}`, 'application/json')
  expect((await send('PATCH', '{"a":2}', 'application/merge-patch+json')).status).toBe(204)
  expect(await current()).toBe(`{"a":2,"large":"${large}"}`)
})

it('refuses other media types, malformed patches and targets that are not JSON', async () => {
  await send('PUT', '{"a":1}', 'application/json')
  expect((await send('PATCH', '{}', 'text/plain')).status).toBe(415)
  expect((await send('PATCH', '{"a":}', 'application/merge-patch+json')).status).toBe(400)
  expect(await current()).toBe('{"a":1}')
  await send('PUT', 'words', 'text/plain')
  expect((await send('PATCH', '{"a":2}', 'application/merge-patch+json')).status).toBe(409)
})
