interface Waiting<Question, Answer> {
  readonly question: Question
  readonly resolve: (answer: Answer) => void
  readonly reject: (reason: unknown) => void
}

/**
 * Asks many questions at once: the first goes out alone and immediately, those that come while it is under way go out
 * together.
 */
export class Gathered<Question, Answer> {
  readonly #togetherMax: number
  readonly #ask: (questions: readonly Question[]) => Promise<readonly Answer[]>
  #waiting: Waiting<Question, Answer>[] = []
  #asking = false

  /** `ask` answers all questions in their order. */
  constructor(togetherMax: number, ask: (questions: readonly Question[]) => Promise<readonly Answer[]>) {
    this.#togetherMax = togetherMax
    this.#ask = ask
  }

  ask(question: Question): Promise<Answer> {
    return new Promise((resolve, reject) => {
      this.#waiting.push({ question, resolve, reject })
      if (!this.#asking) void this.#run()
    })
  }

  async #run(): Promise<void> {
    this.#asking = true
    await Promise.resolve()
    while (this.#waiting.length > 0) {
      const together = this.#waiting.splice(0, this.#togetherMax)
      try {
        const answers = await this.#ask(together.map(({ question }) => question))
        for (const [index, { resolve }] of together.entries()) resolve(answers[index]!)
      } catch (thrown) {
        for (const { reject } of together) reject(thrown)
      }
    }
    this.#asking = false
  }
}
