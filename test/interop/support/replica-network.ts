import { execFileSync, spawnSync } from 'node:child_process'

/** True where this process may make network namespaces with packet filters. */
export function canMakeNetworks(): boolean {
  if (process.getuid?.() !== 0) return false
  const programs = ['ip', 'nft'].every((program) => spawnSync(program, ['-V']).status === 0)
  if (!programs) return false
  const name = `portcullis-probe-${process.pid}`
  if (spawnSync('ip', ['netns', 'add', name]).status !== 0) return false
  const filters = spawnSync('ip', ['netns', 'exec', name, 'nft', 'add', 'table', 'ip', 'probe'])
  spawnSync('ip', ['netns', 'del', name])
  return filters.status === 0
}

/**
 * One replica's host: a network namespace that reaches chosen ports of this machine's loopback as if they were its
 * own, and is reached by this machine under `address`.
 */
export class ReplicaNetwork {
  /** Of the replica, as seen from this machine. */
  readonly address: string
  readonly #name: string
  readonly #near: string
  readonly #far: string
  readonly #table: string
  readonly #shared: readonly number[]

  private constructor(index: number, shared: readonly number[]) {
    this.#name = `portcullis-${process.pid}-${index}`
    this.#near = `pch${process.pid % 100_000}n${index}`
    this.#far = `pcr${process.pid % 100_000}n${index}`
    this.#table = `portcullis_${process.pid}_${index}`
    this.#shared = shared
    this.address = `10.203.${index}.2`
  }

  /** `shared` are the ports of this machine's loopback that the replica may use. */
  static create(index: number, shared: readonly number[]): ReplicaNetwork {
    const network = new ReplicaNetwork(index, shared)
    try {
      network.#build(`10.203.${index}.1`)
    } catch (thrown) {
      network.remove()
      throw thrown
    }
    return network
  }

  /** The command that runs a program on the replica's host. */
  inside(command: readonly string[]): string[] {
    return ['ip', 'netns', 'exec', this.#name, ...command]
  }

  /** Drops this share of the packets, in both directions, between the replica and `ports`; 0 for none. */
  lose(percent: number, ports: readonly number[]): void {
    const rule = (match: string, interfaceName: string): string =>
      percent === 0
        ? ''
        : `iifname "${interfaceName}" tcp ${match} { ${ports.join(', ')} } numgen random mod 100 < ${percent} drop`
    const chain = (rules: string): string =>
      `flush chain ip ${this.#table} loss
table ip ${this.#table} {
 chain loss {
 ${rules}
 }
}`
    this.#filterNear(chain(rule('dport', this.#near)))
    this.#filterFar(chain(rule('sport', this.#far)))
  }

  remove(): void {
    spawnSync('nft', ['delete', 'table', 'ip', this.#table])
    spawnSync('ip', ['link', 'del', this.#near])
    spawnSync('ip', ['netns', 'del', this.#name])
  }

  #build(gateway: string): void {
    const ports = `{ ${this.#shared.join(', ')} }`
    ip('netns', 'add', this.#name)
    ip('link', 'add', this.#near, 'type', 'veth', 'peer', 'name', this.#far)
    ip('link', 'set', this.#far, 'netns', this.#name)
    ip('addr', 'add', `${gateway}/30`, 'dev', this.#near)
    ip('link', 'set', this.#near, 'up')
    ip('-n', this.#name, 'addr', 'add', `${this.address}/30`, 'dev', this.#far)
    ip('-n', this.#name, 'link', 'set', this.#far, 'up')
    ip('-n', this.#name, 'link', 'set', 'lo', 'up')
    // Packets for a loopback address may cross these interfaces, and no others.
    run('sysctl', '-qw', `net.ipv4.conf.${this.#near}.route_localnet=1`)
    run(...this.inside(['sysctl', '-qw', 'net.ipv4.conf.all.route_localnet=1']))
    this.#filterNear(`table ip ${this.#table} {
      chain arriving { type nat hook prerouting priority -100;
        iifname "${this.#near}" ip daddr ${gateway} tcp dport ${ports} dnat to 127.0.0.1; }
      chain loss { type filter hook input priority 0; }
    }`)
    this.#filterFar(`table ip ${this.#table} {
      chain leaving { type nat hook output priority -100;
        ip daddr 127.0.0.1 tcp dport ${ports} dnat to ${gateway}; }
      chain sender { type nat hook postrouting priority 100; oifname "${this.#far}" masquerade; }
      chain loss { type filter hook input priority 0; }
    }`)
  }

  #filterNear(rules: string): void {
    execFileSync('nft', ['-f', '-'], { input: rules })
  }

  #filterFar(rules: string): void {
    const [program, ...parameters] = this.inside(['nft', '-f', '-'])
    execFileSync(program!, parameters, { input: rules })
  }
}

function ip(...parameters: string[]): void {
  run('ip', ...parameters)
}

function run(...command: string[]): void {
  const [program, ...parameters] = command
  execFileSync(program!, parameters, { stdio: ['ignore', 'ignore', 'pipe'] })
}
