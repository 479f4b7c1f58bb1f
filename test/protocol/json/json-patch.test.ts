import { describe, expect, test } from 'vitest'
import { sealJsonPatch } from '../../../src/protocol/json/json-patch.ts'
import { ChecksumCodec } from './checksum-codec.ts'
import { ISSUE_STATE, state } from './coverage.ts'
import { open, refusal } from './run.ts'

const codec = new ChecksumCodec()

/** What a value of a document of its own is sealed to. */
async function sealedIn(document: string, path: string, coverage = ISSUE_STATE): Promise<unknown> {
  const { seal } = await import('./run.ts')
  let value: unknown = JSON.parse((await seal(document, coverage, codec)).toString())
  for (const step of path.split('/').slice(1)) value = (value as Record<string, unknown>)[step]
  return value
}

async function patch(body: string, coverage = ISSUE_STATE): Promise<string> {
  return (await sealJsonPatch(Buffer.from(body), coverage, codec)).toString()
}

describe('a JSON Patch', () => {
  test('is sealed where its paths are covered, and nowhere else', async () => {
    const body =
      ' [ {"op":"add", "path":"/fields/summary","value" : "a\\u00e9"},\n{"value":{"name":"Open"},"op":"replace","path":"/fields/status"},' +
      '{"path":"/id","op":"test","value":12345678901234567890},{"op":"remove","path":"/fields/summary"} ] '
    const sealed = await patch(body)
    const summary = await sealedIn('{"fields":{"summary":"a\\u00e9"}}', '/fields/summary')
    expect(sealed).toBe(body.replace('"a\\u00e9"', JSON.stringify(summary)))
  })

  test('is sealed inside a value whose members are covered one by one', async () => {
    const sealed = JSON.parse(
      await patch('[{"op":"add","path":"/fields","value":{"status":1,"summary":2}}]'),
    ) as {
      value: unknown
    }[]
    expect(sealed[0]!.value).toEqual({
      status: 1,
      summary: await sealedIn('{"fields":{"summary":2}}', '/fields/summary'),
    })
  })

  test('is sealed for elements of an array by the names in them, or by the name of the array', async () => {
    const coverage = state(['open items[]', 'open lists[][]', 'clear items[].id'])
    for (const index of ['-', '0', '17']) {
      const body = `[{"op":"add","path":"/items/${index}","value":{"id":1,"title":"x"}},{"op":"add","path":"/lists/${index}","value":[2]}]`
      const [item, list] = JSON.parse(await patch(body, coverage)) as [{ value: unknown }, { value: unknown }]
      expect(item.value).toEqual({ id: 1, title: await sealedIn('{"title":"x"}', '/title', coverage) })
      expect(list.value).toEqual(await sealedIn('{"lists":[[2]]}', '/lists/0', coverage))
    }
  })

  test('that replaces the whole document opens like one', async () => {
    const [operation] = JSON.parse(
      await patch('[{"op":"replace","path":"","value":{"fields":{"summary":"x"}}}]'),
    ) as [{ value: unknown }]
    const opened = await open(JSON.stringify(operation.value), ISSUE_STATE, codec)
    expect(opened.toString()).toBe('{"fields":{"summary":"x"}}')
  })

  test('reads escaped pointers and names in any spelling', async () => {
    const coverage = state(['clear $', 'seal "a/b~c"'])
    const sealed = await patch('[{"\\u006fp":"add","path":"/a\\u007e1b~0c","value":1}]', coverage)
    expect(sealed).toMatch(/"value":"~pc1~/)
  })

  test('may test a searchable field', async () => {
    const sealed = await patch('[{"op":"test","path":"/fields/label","value":"urgent"}]')
    expect(sealed).toContain(String(await sealedIn('{"fields":{"label":"urgent"}}', '/fields/label')))
  })

  test('may move and copy between clear places, and within one that is covered alike', async () => {
    for (const op of ['move', 'copy']) {
      const clear = `[{"op":"${op}","from":"/id","path":"/key"}]`
      expect(await patch(clear)).toBe(clear)
      const same = `[{"op":"${op}","from":"/fields/summary","path":"/fields/summary"}]`
      expect(await patch(same)).toBe(same)
    }
  })

  test('waits for keys', async () => {
    const cold = new ChecksumCodec()
    cold.missingKeys = 1
    const body = '[{"op":"add","path":"/fields/a","value":1},{"op":"add","path":"/fields/b","value":2}]'
    expect((await sealJsonPatch(Buffer.from(body), ISSUE_STATE, cold)).toString()).toBe(await patch(body))
  })
})

describe('a JSON Patch is refused', () => {
  test.each([
    ['tests a randomized field', '{"op":"test","path":"/fields/summary","value":"x"}'],
    ['tests an object that holds one', '{"op":"test","path":"/fields","value":{"summary":"x"}}'],
    ['reaches inside a sealed value', '{"op":"add","path":"/fields/description/content/0","value":1}'],
    ['removes inside a sealed value', '{"op":"remove","path":"/fields/description/content"}'],
    ['moves from covered to clear', '{"op":"move","from":"/fields/summary","path":"/id"}'],
    ['copies from clear to covered', '{"op":"copy","from":"/id","path":"/fields/summary"}'],
    ['copies to another field name', '{"op":"copy","from":"/fields/summary","path":"/fields/environment"}'],
    ['copies to another data class', '{"op":"copy","from":"/fields/text","path":"/comments/0/text"}'],
    ['has a path without slash', '{"op":"add","path":"fields","value":1}'],
    ['names a field by more than 4,096 bytes', `{"op":"add","path":"/${'n'.repeat(4097)}","value":1}`],
    ['has a path with a bad escape', '{"op":"add","path":"/fields/~2","value":1}'],
  ])('that %s', async (_what, operation) => {
    expect((await refusal(patch(`[${operation}]`))).code).toBe('media-type-unsupported')
  })

  test.each([
    ['is an object', '{"op":"add","path":"/id","value":1}'],
    ['is a string', '"add"'],
    ['holds a number', '[1]'],
    ['holds an array', '[[]]'],
    ['has an operation without op', '[{"path":"/id","value":1}]'],
    ['has an empty operation', '[{}]'],
    ['has an operation without path', '[{"op":"add","value":1}]'],
    ['has an operation without value', '[{"op":"add","path":"/id"}]'],
    ['has an operation without from', '[{"op":"move","path":"/id"}]'],
    ['has an unknown operation', '[{"op":"merge","path":"/id","value":1}]'],
    ['has an operation named as a property of objects', '[{"op":"constructor","path":"/id","value":1}]'],
    ['has a path that is no string', '[{"op":"add","path":1,"value":1}]'],
    ['has two paths', '[{"op":"add","path":"/id","value":"x","path":"/fields/summary"}]'],
    [
      'has two paths in different spellings',
      '[{"op":"add","path":"/id","value":"x","p\\u0061th":"/fields/summary"}]',
    ],
    ['has a value that the operation does not know', '[{"op":"remove","path":"/id","value":"secret"}]'],
    ['has a member that no operation knows', '[{"op":"add","path":"/id","value":1,"note":"secret"}]'],
    ['has a path with a lonely surrogate', '[{"op":"add","path":"/\\ud800","value":1}]'],
  ])('that %s', async (_what, body) => {
    const error = await refusal(patch(body))
    expect(error.code).toBe('request-malformed')
    expect(error.message).not.toContain('secret')
  })

  test.each(['', '[', '[{"op":}]', '[{"op":"add","path":"/id","value":1},]', '[] []', '[{"op":"\xff"}]'])(
    'that is no JSON: %j',
    async (body) => {
      const bytes = Buffer.from(body, 'latin1')
      const work = (async () => sealJsonPatch(bytes, ISSUE_STATE, codec))()
      expect((await refusal(work)).code).toBe('json-malformed')
    },
  )
})
