#!/usr/bin/env node
const [major = 0, minor = 0] = process.versions.node.split('.').map(Number)
if (major < 24 || (major === 24 && minor < 12)) {
  process.stderr.write(
    `portcullis needs Node.js 24.12 or newer, this is ${process.version}: run it through npm (npm run portcullis), which brings its own\n`,
  )
  process.exit(1)
}
await import('../src/main.ts')
