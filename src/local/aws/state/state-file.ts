import { randomBytes } from 'node:crypto'
import { mkdir, open, readFile, rename } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import type { AwsState } from './model.ts'

const FILE_NAME = 'aws-state.json'

/** A state without accounts and with a fresh session-token key. */
function emptyState(): AwsState {
  return {
    format: 1,
    tokenKey: randomBytes(32).toString('base64'),
    accounts: {},
    keys: {},
    families: {},
    aliases: {},
    established: {},
  }
}

/**
 * The state and its file. Without a directory it lives in memory only.
 * A mutation is `touch()`ed at once and durable when `commit()` resolves; concurrent commits share one write.
 */
export class StateFile {
  state: AwsState
  readonly #path: string | undefined
  #dirty = false
  #writing: Promise<void> | undefined

  private constructor(path: string | undefined, state: AwsState) {
    this.#path = path
    this.state = state
  }

  /** Reads the state of `directory`, or starts an empty one there. A file of another format is refused. */
  static async open(directory: string | undefined): Promise<StateFile> {
    if (directory === undefined) return new StateFile(undefined, emptyState())
    await mkdir(directory, { recursive: true, mode: 0o700 })
    const path = join(directory, FILE_NAME)
    let text: string
    try {
      text = await readFile(path, 'utf8')
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error
      const file = new StateFile(path, emptyState())
      file.touch()
      await file.commit()
      return file
    }
    const state = JSON.parse(text) as AwsState
    if (state.format !== 1)
      throw new Error(`${path} is of format ${String(state.format)}; this version reads format 1`)
    return new StateFile(path, state)
  }

  /** Marks the state as changed. */
  touch(): void {
    this.#dirty = true
  }

  /** Forgets everything, including the session-token key: credentials issued before are invalid. */
  async reset(): Promise<void> {
    this.state = emptyState()
    this.touch()
    await this.commit()
  }

  /** Resolves when every change touched before the call is on disk. */
  async commit(): Promise<void> {
    while (this.#dirty || this.#writing) {
      if (this.#writing) {
        await this.#writing
        continue
      }
      this.#dirty = false
      if (this.#path === undefined) return
      this.#writing = this.#write(this.#path, JSON.stringify(this.state)).finally(() => {
        this.#writing = undefined
      })
    }
  }

  /** Temporary file, fsync, rename, fsync of the directory: a crash leaves the old or the new state, never a mix. */
  async #write(path: string, text: string): Promise<void> {
    const temporary = `${path}.new`
    try {
      const handle = await open(temporary, 'w', 0o600)
      try {
        await handle.writeFile(text)
        await handle.sync()
      } finally {
        await handle.close()
      }
      await rename(temporary, path)
      const directory = await open(dirname(path), 'r')
      try {
        await directory.sync()
      } finally {
        await directory.close()
      }
    } catch (error) {
      this.#dirty = true
      throw error
    }
  }
}
