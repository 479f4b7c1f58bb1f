/** Writes the vector files anew: `node test/vectors/write.ts`. A test checks that they are what this writes. */
import { writeFileSync } from 'node:fs'
import { makeFieldVectors } from './make-field.ts'
import { makePartVectors } from './make-parts.ts'
import { makeStreamVectors } from './make-stream.ts'

const write = (name: string, value: unknown): void =>
  writeFileSync(new URL(name, import.meta.url), `${JSON.stringify(value, undefined, 1)}\n`)

write('field.json', makeFieldVectors())
write('stream.json', makeStreamVectors())
write('parts.json', makePartVectors())
