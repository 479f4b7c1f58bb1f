import { hash } from 'node:crypto'
import { readdirSync, readFileSync } from 'node:fs'
import { extname } from 'node:path'
import { fileURLToPath } from 'node:url'

/** A file of the console as it is sent. */
export interface Asset {
  /** Below `/console/assets/`. */
  readonly path: string
  readonly contentType: string
  readonly body: Buffer
  /** Strong entity tag, quotes included. */
  readonly etag: string
  /** Subresource integrity metadata. */
  readonly integrity: string
}

const CONTENT_TYPES: Readonly<Record<string, string>> = {
  '.js': 'text/javascript; charset=utf-8',
  '.css': 'text/css; charset=utf-8',
  '.svg': 'image/svg+xml',
}

/** Modules of npm packages that browsers run as they are, by the specifier they are imported with. */
const PACKAGES: Readonly<Record<string, string>> = {
  htm: 'packages/htm.js',
  preact: 'packages/preact.js',
  'preact/hooks': 'packages/preact-hooks.js',
}

const FOLDER = new URL('./assets/', import.meta.url)

/** Everything the console consists of but its page, read once; nothing else can ever be asked for. */
export function loadAssets(): Asset[] {
  const own = readdirSync(FOLDER, { recursive: true, encoding: 'utf8' })
    .map((name) => name.replaceAll('\\', '/'))
    .filter((name) => extname(name) in CONTENT_TYPES)
    .sort()
    .map((name) => asset(name, readFileSync(new URL(name, FOLDER))))
  const packages = Object.entries(PACKAGES).map(([specifier, path]) =>
    asset(path, readFileSync(fileURLToPath(import.meta.resolve(specifier)))),
  )
  return [...packages, ...own]
}

function asset(path: string, source: Buffer): Asset {
  const extension = extname(path)
  const body = extension === '.js' ? Buffer.from(withUrls(path, source.toString('utf8'))) : source
  return {
    path,
    contentType: CONTENT_TYPES[extension]!,
    body,
    etag: `"${hash('sha256', body, 'base64url')}"`,
    integrity: `sha384-${hash('sha384', body, 'base64')}`,
  }
}

/** Names of packages become URLs here: an import map would be an inline script, which the policy of the page forbids. */
function withUrls(path: string, source: string): string {
  const up = '../'.repeat(path.split('/').length - 1) || './'
  return source
    .replaceAll(/\bfrom\s*(['"])([\w/@-]+)\1/g, (whole, quote: string, specifier: string) => {
      const target = PACKAGES[specifier]
      if (target === undefined)
        throw new Error(`${path} imports ${specifier}, which the console does not serve`)
      return whole.replace(`${quote}${specifier}${quote}`, `${quote}${up}${target}${quote}`)
    })
    .replace(/\n?\/\/# sourceMappingURL=\S+\s*$/, '\n')
}
