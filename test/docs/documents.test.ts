import { spawnSync } from 'node:child_process'
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { dirname, join, resolve } from 'node:path'
import { describe, expect, it } from 'vitest'

const root = resolve(import.meta.dirname, '../..')
const documents = [
  'README.md',
  'CHANGELOG.md',
  ...readdirSync(join(root, 'docs'))
    .filter((file) => file.endsWith('.md'))
    .map((file) => `docs/${file}`),
  'config/coverage/README.md',
]

/** Commands that a step of `.ci/run` runs as they stand. */
const RUN_BY_CI = new Map([
  ['npm ci && npm run demo', /npm ci[^\n]*\n[\s\S]*npm run --silent demo/],
  ['npm test', /^npm test$/m],
  ['npm run bench -- --seconds 1 --rounds 1', /^npm run --silent bench -- --seconds 1 --rounds 1$/m],
])

/** Commands that run until they are stopped; the tests of the stack start them. */
const RUN_BY_TESTS = new Set(['npm run --silent portcullis -- dev'])

function commandsOf(document: string): string[] {
  const text = readFileSync(join(root, document), 'utf8')
  return [...text.matchAll(/^```sh\n([\s\S]*?)^```$/gm)].flatMap((block) => block[1]!.trim().split('\n'))
}

function linksOf(document: string): string[] {
  const text = readFileSync(join(root, document), 'utf8')
  return [...text.matchAll(/\]\((?!https?:|#)([^)#]+)/g)].map((match) => match[1]!)
}

describe('documents', () => {
  it.each(documents)('%s has only commands that run', (document) => {
    const ci = readFileSync(join(root, '.ci/run'), 'utf8')
    for (const command of commandsOf(document)) {
      const step = RUN_BY_CI.get(command)
      if (step !== undefined) expect(ci, command).toMatch(step)
      else if (!RUN_BY_TESTS.has(command)) {
        const { status, stderr } = spawnSync('bash', ['-c', command], {
          cwd: root,
          encoding: 'utf8',
          timeout: 60_000,
        })
        expect(status, `${command}\n${stderr}`).toBe(0)
      }
    }
  })

  it.each(documents)('%s links only to files that are there', (document) => {
    const missing = linksOf(document).filter((link) => !existsSync(join(root, dirname(document), link)))
    expect(missing).toEqual([])
  })

  it.each(documents)('%s names only source files and folders that are there', (document) => {
    const text = readFileSync(join(root, document), 'utf8')
    const named = [...text.matchAll(/`((?:src|test|config|bench|docs|deploy)\/[\w./-]*)`/g)].map(
      (match) => match[1]!,
    )
    expect(named.filter((path) => !existsSync(join(root, path)))).toEqual([])
  })
})
