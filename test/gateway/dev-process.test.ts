import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Readable } from 'node:stream'
import { DisableKeyCommand, EnableKeyCommand } from '@aws-sdk/client-kms'
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest'
import { kmsClient } from '../local/aws/clients.ts'
import { DevProcess } from '../support/dev-process.ts'
import { send } from '../support/http-client.ts'
import { filesBelow, leaksIn, leaksInText } from '../support/leak-scan.ts'

const ISSUE = '{"id":"1","fields":{"summary":"PROCESSSECRET","assignee":{"displayName":"Mia"}}}'

// a process takes seconds to start where the machine is busy
vi.setConfig({ testTimeout: 180_000, hookTimeout: 120_000 })

let directory: string
let dev: DevProcess

beforeAll(async () => {
  directory = mkdtempSync(join(tmpdir(), 'portcullis-process-'))
  dev = await DevProcess.start(join(directory, 'data'), '--log-level', 'debug')
})
afterAll(async () => {
  await dev.stop('SIGKILL')
  rmSync(directory, { recursive: true, force: true })
})

describe('portcullis dev as a process', () => {
  it('says in one line on standard output where everything is', () => {
    expect(dev.stdout.trimEnd().split('\n')).toHaveLength(1)
    expect(dev.ready).toMatchObject({
      ready: true,
      gateway: expect.stringMatching(/^http:\/\/127\.0\.0\.1:\d+$/),
      admin: expect.stringMatching(/^http:\/\/127\.0\.0\.1:\d+$/),
      tenant: expect.any(String),
      organization: expect.any(String),
      tokens: { app: expect.any(String), admin: expect.any(String) },
      stores: {
        jira: { mount: '/jira', upstream: expect.stringMatching(/^http:/) },
        confluence: { mount: '/confluence', upstream: expect.stringMatching(/^http:/) },
      },
      customer: {
        kmsEndpoint: expect.stringMatching(/^http:/),
        stsEndpoint: expect.stringMatching(/^http:/),
        accountId: expect.stringMatching(/^\d{12}$/),
        roleArn: expect.stringMatching(/^arn:aws:iam::/),
        accessKeyId: expect.any(String),
        secretAccessKey: expect.any(String),
        keys: { 'eu-central-1': expect.stringMatching(/^arn:/), 'eu-west-1': expect.stringMatching(/^arn:/) },
      },
    })
  })

  it('keeps content out of its stores and its log at debug level, and secrets out of the log', async () => {
    expect((await dev.put('/jira/issue/1', ISSUE)).status).toBe(201)
    expect((await dev.request('/jira/issue/1')).text).toBe(ISSUE)
    expect((await dev.put('/jira/issue/2', '{"broken PROCESSSECRET')).status).toBe(400)
    expect((await dev.request('/jira/issue/1?text=PROCESSSECRET')).status).toBe(200)
    const stored = await send(`${dev.ready['stores'].jira.upstream}/issue/1`)
    expect(stored.json.fields.assignee).toEqual({ displayName: 'Mia' })
    expect(leaksIn(filesBelow(directory), ['PROCESSSECRET'])).toEqual([])
    expect(dev.stderr).toContain('"msg":"request"')
    const { tokens, customer } = dev.ready
    const secrets = ['PROCESSSECRET', tokens.app, tokens.admin, customer.secretAccessKey]
    expect(leaksInText(dev.stderr, secrets)).toEqual([])
  })

  it('is alive, ready and measured on the admin plane', async () => {
    const { admin, tokens } = dev.ready
    expect((await send(`${admin}/healthz`)).status).toBe(200)
    expect((await send(`${admin}/readyz`)).status).toBe(200)
    expect((await send(`${admin}/metrics`)).status).toBe(401)
    const metrics = await send(`${admin}/metrics`, { headers: { Authorization: `Bearer ${tokens.admin}` } })
    expect(metrics.status).toBe(200)
    expect(metrics.text).toMatch(/^portcullis_requests_total\{/m)
    expect(leaksInText(metrics.text, ['PROCESSSECRET', tokens.app, tokens.admin])).toEqual([])
    expect(
      (await send(`${admin}/metrics`, { headers: { Authorization: `Bearer ${tokens.app}` } })).status,
    ).not.toBe(200)
  })

  it('with its defaults, answers 423 within five seconds of a disabled key, and serves again by itself', async () => {
    const { customer } = dev.ready
    const client = kmsClient({ endpoint: customer.kmsEndpoint }, customer)
    const KeyId = customer.keys['eu-central-1']
    const until = async (status: number): Promise<void> => {
      const deadline = performance.now() + 30_000
      while ((await dev.request('/jira/issue/1')).status !== status) {
        if (performance.now() > deadline) throw new Error(`never ${status}`)
        await new Promise((resolve) => setTimeout(resolve, 20))
      }
    }
    await client.send(new DisableKeyCommand({ KeyId }))
    const disabledMs = performance.now()
    await until(423)
    expect(performance.now() - disabledMs).toBeLessThan(5_000)
    await client.send(new EnableKeyCommand({ KeyId }))
    await until(200)
    expect((await dev.request('/jira/issue/1')).text).toBe(ISSUE)
  })

  it('told to stop, finishes what runs, takes nothing new, and ends with success', async () => {
    let underWay = (): void => {}
    const begun = new Promise<void>((resolve) => (underWay = resolve))
    async function* slowly(): AsyncGenerator<string> {
      yield '{"id":"3","fields":{"summary":"'
      for (let pieces = 0; pieces < 12; pieces++) {
        yield 'finished '
        if (pieces === 3) underWay()
        await new Promise((resolve) => setTimeout(resolve, 50))
      }
      yield '"}}'
    }
    const upload = dev.request('/jira/issue/3', {
      method: 'PUT',
      headers: { 'Content-Type': 'application/json' },
      body: Readable.from(slowly()),
    })
    await begun
    const stopped = dev.stop('SIGTERM')
    await new Promise((resolve) => setTimeout(resolve, 150))
    await expect(send(`${dev.ready['gateway']}/jira/issue/1`)).rejects.toThrow()
    expect((await upload).status).toBe(201)
    expect(await stopped).toBe(0)
    dev = await DevProcess.start(join(directory, 'data'))
    while ((await dev.request('/jira/issue/1')).status === 503)
      await new Promise((resolve) => setTimeout(resolve, 100))
    expect((await dev.request('/jira/issue/3')).json.fields.summary).toBe('finished '.repeat(12))
  })

  it('killed at any moment, starts again with everything it had acknowledged', async () => {
    for (let round = 0; round < 2; round++) {
      let acknowledged = 0
      const writing = (async () => {
        for (let index = 0; ; index++) {
          const answer = await dev.put(`/jira/comment/${round}-${index}`, `{"id":"${index}","body":"kept"}`)
          if (answer.status === 201) acknowledged = index + 1
        }
      })().catch(() => {})
      await new Promise((resolve) => setTimeout(resolve, 150 + 100 * round))
      await dev.stop('SIGKILL')
      await writing
      dev = await DevProcess.start(join(directory, 'data'))
      expect(acknowledged).toBeGreaterThan(0)
      // the first proof of access may take too long where the machine is busy
      while ((await dev.request('/jira/issue/1')).status === 503)
        await new Promise((resolve) => setTimeout(resolve, 100))
      for (const index of [0, acknowledged - 1]) {
        expect((await dev.request(`/jira/comment/${round}-${index}`)).text).toBe(
          `{"id":"${index}","body":"kept"}`,
        )
      }
    }
  })
})
