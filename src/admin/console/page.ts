import type { Asset } from './assets.ts'

/** Nothing but what this origin serves runs, loads or is asked; strings never become script or markup. */
export const CONSOLE_POLICY = [
  "default-src 'none'",
  "script-src 'self'",
  "style-src 'self'",
  "connect-src 'self'",
  "img-src 'self' data:",
  "base-uri 'none'",
  "form-action 'none'",
  "frame-ancestors 'none'",
  "require-trusted-types-for 'script'",
  "trusted-types 'none'",
].join('; ')

/**
 * The page: every file it will need is named with its integrity, modules as preloads, so that imports are checked
 * like the entry itself. Addresses are relative: the admin plane may be mounted below a prefix.
 */
export function consolePage(assets: readonly Asset[]): string {
  const links = (extension: string, relation: string): string[] =>
    assets
      .filter(({ path }) => path.endsWith(extension))
      .map(
        ({ path, integrity }) =>
          `<link rel="${relation}" href="console/assets/${path}" integrity="${integrity}">`,
      )
  const entry = assets.find(({ path }) => path === 'main.js')!
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<title>BYOK encryption · Portcullis</title>
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<link rel="icon" type="image/svg+xml" href="console/assets/icon.svg">
${[...links('.css', 'stylesheet'), ...links('.js', 'modulepreload')].join('\n')}
<script type="module" src="console/assets/main.js" integrity="${entry.integrity}"></script>
</head>
<body>
<div id="console"></div>
<noscript>The console runs in the browser and needs JavaScript. The same is offered by the command line and by the API under admin/v1.</noscript>
</body>
</html>
`
}
