import { execFileSync, spawn, spawnSync } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'

const PROGRAM = resolve(import.meta.dirname, '../../bin/portcullis.js')
const LINES = [
  ['portcullis or', 'portcullis org '],
  ['portcullis org by', 'portcullis org byok '],
  ['portcullis org byok pl', 'portcullis org byok plan '],
  ['portcullis org byok plan acme --fo', 'portcullis org byok plan acme --format '],
] as const

let directory: string

beforeAll(() => {
  directory = mkdtempSync(join(tmpdir(), 'portcullis-completion-'))
})

afterAll(() => {
  rmSync(directory, { recursive: true, force: true })
})

/** Writes the script of a shell, as a user makes it. */
function script(shell: string): string {
  const file = join(directory, `completion.${shell}`)
  writeFileSync(file, execFileSync(process.execPath, [PROGRAM, 'completion', shell]))
  return file
}

function has(program: string): boolean {
  return spawnSync(program, ['--version']).status === 0
}

describe.skipIf(!has('fish'))('completion in fish (skipped without it)', () => {
  const complete = (line: string): string[] =>
    execFileSync('fish', ['--no-config', '-c', `source ${script('fish')}; complete -C '${line}'`])
      .toString()
      .trimEnd()
      .split('\n')

  it.each(LINES)('makes of %j: %j', (typed, completed) => {
    expect(complete(typed)).toEqual([completed.trimEnd().split(' ').at(-1)])
  })

  it('offers what follows the command, and nothing of those above it', () => {
    const offered = complete('portcullis org byok ')
    expect(offered).toContain('plan')
    expect(offered).not.toContain('byok')
    expect(complete('portcullis ')).toContain('org')
  })
})

describe.skipIf(!has('zsh') || !has('script'))('completion in zsh (skipped without it)', () => {
  /** What the line is after the tabulator key, at a terminal. */
  async function complete(line: string): Promise<string | undefined> {
    const settings = [
      `PROMPT='at> '`,
      `source ${script('zsh')}`,
      `show() { print -r -- "[$BUFFER]"; exit }`,
      'zle -N show',
      `bindkey '^X' show`,
    ]
    writeFileSync(join(directory, '.zshrc'), settings.join('\n'))
    const child = spawn('script', ['-qec', 'zsh --no-globalrcs -i', '/dev/null'], {
      env: { ...process.env, ZDOTDIR: directory, TERM: 'dumb' },
    })
    let shown = ''
    let typed = false
    child.stdout.on('data', (piece: Buffer) => {
      shown += piece.toString()
      if (typed || !shown.includes('at> ')) return
      typed = true
      child.stdin.write(`${line}\t\u0018`)
    })
    await new Promise((done) => child.on('close', done))
    return /\[(portcullis .*)\]/.exec(shown)?.[1]
  }

  it.each(LINES)('makes of %j: %j', async (typed, completed) => {
    expect(await complete(typed)).toBe(completed)
  })
})
