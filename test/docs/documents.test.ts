import { spawnSync } from 'node:child_process'
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { dirname, join, resolve } from 'node:path'
import { describe, expect, it } from 'vitest'
import { runProgram } from '../../src/cli/program.ts'
import type { Terminal } from '../../src/cli/terminal.ts'

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

/** Its commands build on each other: `test/interop/getting-started.test.ts` runs them as one script. */
const RUN_AS_A_WHOLE = 'docs/GETTING-STARTED.md'

function commandsOf(document: string): string[] {
  if (document === RUN_AS_A_WHOLE) return []
  const text = readFileSync(join(root, document), 'utf8')
  return [...text.matchAll(/^```sh\n([\s\S]*?)^```$/gm)].flatMap((block) => block[1]!.trim().split('\n'))
}

/** Commands named in running text, such as `portcullis audit verify ORGANIZATION`. */
function inlineCommandsOf(document: string): string[] {
  const text = readFileSync(join(root, document), 'utf8')
  return [...text.matchAll(/`(portcullis [a-z][^`\n]*)`/g)].map((match) => match[1]!.replace(/\s*…$/, ''))
}

/** The help of a command; undefined when there is no such command. Parameters may stand behind its name. */
async function helpOf(words: readonly string[]): Promise<string | undefined> {
  for (let length = words.length; length > 0; length -= 1) {
    let out = ''
    const terminal: Terminal = {
      environment: {},
      print: (text) => void (out += text),
      printError: () => undefined,
      stopRequested: new AbortController().signal,
    }
    const code = await runProgram([...words.slice(0, length), '--help'], terminal)
    const [, usage, group] = /^Usage: portcullis ([a-z -]+?)(?: [[<].*?)?( \[command\])?$/m.exec(out) ?? []
    if (code !== 0 || usage !== words.slice(0, length).join(' ')) continue
    return group === undefined || length === words.length ? out : undefined
  }
  return undefined
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

  it.each(documents)('%s has commands to copy in blocks that are run here, and in no other', (document) => {
    const text = readFileSync(join(root, document), 'utf8')
    const languages = [...text.matchAll(/^```(\w*)\n[\s\S]*?^```$/gm)].map((block) => block[1]!)
    expect(languages.filter((language) => /^(bash|shell|console|zsh|text)$/.test(language))).toEqual([])
  })

  it.each(documents)('%s names only commands and flags that there are', async (document) => {
    for (const command of inlineCommandsOf(document)) {
      const words = command.split(' ').slice(1)
      const flagAt = words.findIndex((word) => word.startsWith('-'))
      const names = words
        .slice(0, flagAt === -1 ? words.length : flagAt)
        .filter((word) => /^[a-z]/.test(word))
      const help = await helpOf(names)
      expect(help, `${document}: ${command}`).toBeDefined()
      for (const flag of words.filter((word) => word.startsWith('--') && word !== '--')) {
        expect(help, `${document}: ${command}`).toMatch(new RegExp(`${flag}\\b`))
      }
    }
  })

  it.each(documents)('%s names only npm scripts that there are', (document) => {
    const text = readFileSync(join(root, document), 'utf8')
    const { scripts } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as {
      scripts: Record<string, string>
    }
    const named = [...text.matchAll(/npm run (?:--silent )?([\w:]+)/g)].map((match) => match[1]!)
    expect(named.filter((name) => scripts[name] === undefined)).toEqual([])
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
