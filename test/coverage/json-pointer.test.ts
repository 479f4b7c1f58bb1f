import { expect, it } from 'vitest'
import { stateAtPointer } from '../../src/coverage/json-pointer.ts'
import { parseCoverage, presetCoverage } from '../../src/coverage/load-coverage.ts'

const issue = presetCoverage('jira').entityState('issue')!

it('follows a pointer to the state and the innermost member name', () => {
  expect(stateAtPointer(issue, '')).toEqual({ state: issue, fieldName: '' })
  expect(stateAtPointer(issue, '/fields/summary')).toMatchObject({
    fieldName: 'summary',
    state: { action: 'seal' },
  })
  expect(stateAtPointer(issue, '/fields/status/name')).toMatchObject({ state: { action: 'clear' } })
  expect(stateAtPointer(issue, '/fields/a~1b~0c')?.fieldName).toBe('a/b~c')
})

it('reads a number or a dash as an index where the array is entered', () => {
  const body = stateAtPointer(issue, '/fields/comment/comments/0/body')
  expect(body).toMatchObject({ fieldName: 'body', state: { action: 'seal', rule: { dataClass: 'comment' } } })
  expect(stateAtPointer(issue, '/fields/comment/comments/-')).toMatchObject({
    fieldName: 'comments',
    state: { action: 'descend' },
  })
})

it('has no answer inside a sealed value, for what is no pointer, or where the reading is open', () => {
  expect(stateAtPointer(issue, '/fields/description/content/0')).toBeUndefined()
  expect(stateAtPointer(issue, '/fields/labels/-')).toBeUndefined()
  expect(stateAtPointer(issue, 'fields')).toBeUndefined()
  expect(stateAtPointer(issue, '/fields/a~2')).toBeUndefined()
  expect(stateAtPointer(issue, '/0')).toBeUndefined()
  expect(stateAtPointer(issue, '/x'.repeat(2_000))).toBeUndefined()
})

it('takes a dash for an element always, also where elements pass or are sealed whole', () => {
  const coverage = parseCoverage(
    `
entities:
  ticket:
    dataClass: issue
    rules:
      - clear: 'links[]'
      - { encrypt: 'tags[]', dataClass: comment }
      - open: tags
routes: []
`,
    'ticket.yaml',
  )
  const ticket = coverage.entityState('ticket')!
  expect(stateAtPointer(ticket, '/links/-')).toMatchObject({ fieldName: 'links', state: { action: 'clear' } })
  expect(stateAtPointer(ticket, '/tags/-')).toMatchObject({
    fieldName: 'tags',
    state: { action: 'seal', rule: { dataClass: 'comment' } },
  })
  // a number could also be a member name
  expect(stateAtPointer(ticket, '/links/0')).toBeUndefined()
})
