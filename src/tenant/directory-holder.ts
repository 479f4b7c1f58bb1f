import type { Directory } from './directory.ts'

/** The directory in force; swapped as a whole, so that a request sees one state throughout. */
export class DirectoryHolder {
  #current: Directory
  readonly #listeners: ((current: Directory, previous: Directory) => void)[] = []

  constructor(initial: Directory) {
    this.#current = initial
  }

  get current(): Directory {
    return this.#current
  }

  /** Puts another directory in force for every later request. */
  swap(next: Directory): void {
    const previous = this.#current
    this.#current = next
    for (const listener of this.#listeners) listener(next, previous)
  }

  /** Calls back after every swap. */
  onSwap(listener: (current: Directory, previous: Directory) => void): void {
    this.#listeners.push(listener)
  }
}
