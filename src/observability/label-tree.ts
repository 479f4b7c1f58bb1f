type Branch<Leaf> = Map<string, Branch<Leaf> | Leaf>

/**
 * One leaf for each combination of label values. A tree of maps instead of a joined key: looking up short texts
 * that are already hashed costs a tenth of building a new one on every request.
 */
export class LabelTree<Leaf extends object> {
  readonly #root: Branch<Leaf> = new Map()
  readonly #labelNames: readonly string[]
  readonly #leavesMax: number
  readonly #create: () => Leaf
  readonly #leaves: { readonly labels: Readonly<Record<string, string>>; readonly leaf: Leaf }[] = []
  #overflow: Leaf | undefined

  constructor(labelNames: readonly string[], leavesMax: number, create: () => Leaf) {
    this.#labelNames = labelNames
    this.#leavesMax = leavesMax
    this.#create = create
  }

  /** The leaf of these label values, in the order of the label names; beyond the maximum, that of `other`. */
  leaf(first: string, second = '', third = '', fourth = ''): Leaf {
    let at: Branch<Leaf> | Leaf | undefined = this.#root.get(first)
    if (at instanceof Map) at = at.get(second)
    if (at instanceof Map) at = at.get(third)
    if (at instanceof Map) at = at.get(fourth)
    return at === undefined || at instanceof Map ? this.#grow([first, second, third, fourth]) : at
  }

  /** Every leaf with its labels. */
  entries(): readonly { readonly labels: Readonly<Record<string, string>>; readonly leaf: Leaf }[] {
    return this.#leaves
  }

  #grow(values: readonly string[]): Leaf {
    if (this.#leaves.length >= this.#leavesMax) return (this.#overflow ??= this.#add(() => 'other'))
    let branch = this.#root
    for (const value of values.slice(0, this.#labelNames.length - 1)) {
      const next = branch.get(value)
      if (next instanceof Map) branch = next
      else branch.set(value, (branch = new Map()))
    }
    const leaf = this.#add((index) => values[index] ?? '')
    branch.set(values[this.#labelNames.length - 1]!, leaf)
    return leaf
  }

  #add(valueOf: (index: number) => string): Leaf {
    const leaf = this.#create()
    this.#leaves.push({
      labels: Object.fromEntries(this.#labelNames.map((name, index) => [name, valueOf(index)])),
      leaf,
    })
    return leaf
  }
}
