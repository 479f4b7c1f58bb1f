import { readdirSync, readFileSync, statSync } from 'node:fs'
import { join } from 'node:path'

/** Forms in which a text could lie in a file: as it is, escaped, encoded at any alignment, in UTF-16. */
export function formsOf(text: string): Buffer[] {
  const utf8 = Buffer.from(text)
  const json = JSON.stringify(text).slice(1, -1)
  const asciiJson = json.replaceAll(
    /[\u007f-\uffff]/g,
    (character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`,
  )
  const texts = [text, json, asciiJson, encodeURIComponent(text), utf8.toString('hex')]
  const encoded = [0, 1, 2].flatMap((offset) => {
    // whole groups only: what comes before and after changes the characters at the edges
    const groups = utf8.subarray(offset, offset + Math.floor((utf8.length - offset) / 3) * 3)
    return groups.length < 6 ? [] : [groups.toString('base64'), groups.toString('base64url')]
  })
  return [...new Set([...texts, ...encoded].filter((form) => form.length > 0))]
    .map((form) => Buffer.from(form))
    .concat(Buffer.from(text, 'utf16le'))
}

/** Every file below a directory. */
export function filesBelow(directory: string): string[] {
  return readdirSync(directory, { recursive: true, encoding: 'utf8' })
    .map((name) => join(directory, name))
    .filter((path) => statSync(path).isFile())
}

/** Where any form of any of the texts lies: `file: text` for each find. */
export function leaksIn(files: readonly string[], texts: readonly string[]): string[] {
  const forms = texts.flatMap((text) => formsOf(text).map((form) => ({ text, form })))
  return files.flatMap((file) => {
    const content = readFileSync(file)
    return forms.filter(({ form }) => content.includes(form)).map(({ text }) => `${file}: ${text}`)
  })
}

/** The texts of which any form lies in a log or another text. */
export function leaksInText(content: string, texts: readonly string[]): string[] {
  const bytes = Buffer.from(content)
  return texts.filter((text) => formsOf(text).some((form) => bytes.includes(form)))
}
