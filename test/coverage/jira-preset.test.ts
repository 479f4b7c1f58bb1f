import { describe, expect, it } from 'vitest'
import { presetCoverage } from '../../src/coverage/load-coverage.ts'
import { BENCH_COVERED_PATHS, benchIssue } from '../fixtures/bench-issue.ts'
import { clearPaths, dotted, judge, sealedPaths } from './judge.ts'

const jira = presetCoverage('jira')
const issue = jira.entityState('issue')!

const TEXT = { type: 'doc', version: 1, content: [] }
const USER = { accountId: '1', displayName: 'Mia', self: 'https://example.invalid' }

describe('an issue', () => {
  it('has summary, description and every system and custom field sealed, each as one value', () => {
    const fields = {
      summary: 's',
      description: TEXT,
      environment: TEXT,
      labels: ['a', 'b'],
      priority: { id: '1', name: 'High' },
      components: [{ id: '1' }],
      fixVersions: [{ id: '1' }],
      resolution: { name: 'Fixed' },
      duedate: '2026-01-01',
      timetracking: { originalEstimate: '1w' },
      customfield_10010: { value: 'red', id: '1', self: 'x' },
      customfield_99999: null,
      unheardOf: { id: 1 },
    }
    expect(clearPaths(issue, { fields })).toEqual([])
    expect(sealedPaths(issue, { fields })).toEqual(Object.keys(fields).map((name) => `fields.${name}: issue`))
  })

  it('has identifiers, users, status, project, timestamps and counts clear', () => {
    const document = {
      id: '1',
      key: 'A-1',
      self: 'x',
      expand: 'y',
      fields: {
        project: { id: '1', name: 'Shop' },
        issuetype: { name: 'Bug' },
        status: { name: 'Open', statusCategory: { key: 'new' } },
        assignee: USER,
        reporter: USER,
        creator: USER,
        created: '2026',
        updated: '2026',
        resolutiondate: null,
        watches: { watchCount: 1 },
        votes: { votes: 1 },
      },
    }
    expect(sealedPaths(issue, document)).toEqual([])
  })

  it('has attachment metadata clear, and nothing else about an attachment', () => {
    const attachment = {
      id: '1',
      filename: 'a.png',
      size: 3,
      mimeType: 'image/png',
      content: 'u',
      author: USER,
    }
    expect(sealedPaths(issue, { fields: { attachment: [{ ...attachment, note: 'n' }] } })).toEqual([
      'fields.attachment[].note: issue',
    ])
  })

  it('has embedded comments under the class comment and their visibility under permission', () => {
    const comment = {
      id: '1',
      author: USER,
      created: 'c',
      body: TEXT,
      visibility: { type: 'role', value: 'Admins' },
    }
    const document = {
      fields: { comment: { comments: [comment], total: 1, startAt: 0, maxResults: 1, self: 'x' } },
    }
    expect(sealedPaths(issue, document)).toEqual([
      'fields.comment.comments[].body: comment',
      'fields.comment.comments[].visibility: permission',
    ])
    expect(sealedPaths(issue, { fields: { comment: 'text', security: { id: '1' } } })).toEqual([
      'fields.comment: comment',
      'fields.security: permission',
    ])
  })

  it('has the content of other issues within it sealed', () => {
    const other = {
      id: '2',
      key: 'A-2',
      self: 'x',
      fields: { summary: 's', status: {}, priority: {}, issuetype: {} },
    }
    const document = {
      fields: {
        parent: other,
        subtasks: [other],
        issuelinks: [{ id: '1', type: {}, inwardIssue: other, outwardIssue: other }],
      },
    }
    expect(sealedPaths(issue, document)).toEqual(
      ['parent', 'subtasks[]', 'issuelinks[].inwardIssue', 'issuelinks[].outwardIssue'].flatMap((place) => [
        `fields.${place}.fields.summary: issue`,
        `fields.${place}.fields.priority: issue`,
      ]),
    )
  })

  it('has what an operation sets bound to the field that it becomes', () => {
    const ruleAt = (document: object) => judge(issue, document).find(({ rule }) => rule !== undefined)!.rule!
    for (const name of ['summary', 'description', 'priority', 'labels', 'duedate']) {
      const operation = ruleAt({ update: { [name]: [{ set: 'x' }] } })
      const field = ruleAt({ fields: { [name]: 'x' } })
      expect(Buffer.from(operation.fieldName!).toString()).toBe(name)
      expect(operation).toMatchObject({ dataClass: field.dataClass, mode: field.mode })
      expect(field.fieldName).toBeUndefined()
    }
    expect(ruleAt({ update: { security: [{ set: 'x' }] } })).toMatchObject({ dataClass: 'permission' })
    expect(ruleAt({ update: { labels: [{ add: 'x' }] } }).fieldName).toBeUndefined()
  })

  it('has the choices that its expansions offer sealed, and the rest of those clear', () => {
    const fields = {
      security: { name: 'n', required: true, allowedValues: [{ name: 'l' }], defaultValue: 'd' },
    }
    const document = { editmeta: { fields }, transitions: [{ id: '1', name: 'Done', fields }] }
    expect(sealedPaths(issue, document)).toEqual([
      'editmeta.fields.security.allowedValues: issue',
      'editmeta.fields.security.defaultValue: issue',
      'transitions[].fields.security.allowedValues: issue',
      'transitions[].fields.security.defaultValue: issue',
    ])
  })

  it('has what its history, operations, rendered form and properties repeat sealed', () => {
    const item = {
      field: 'summary',
      fieldtype: 'jira',
      fieldId: 'summary',
      from: null,
      fromString: 'a',
      to: null,
      toString: 'b',
    }
    const document = {
      changelog: { startAt: 0, histories: [{ id: '1', author: USER, created: 'c', items: [item] }] },
      update: {
        summary: [{ set: 'x' }],
        comment: [{ add: { body: TEXT } }],
        labels: [{ add: 'l' }, { remove: 'm' }],
      },
      renderedFields: { description: '<p>', created: 'Today', comment: { comments: [] } },
      properties: { any: { key: 'v' } },
      versionedRepresentations: { summary: { 1: 's' } },
      historyMetadata: { description: 'd' },
    }
    expect(sealedPaths(issue, document)).toEqual([
      'changelog.histories[].items[].from: issue',
      'changelog.histories[].items[].fromString: issue',
      'changelog.histories[].items[].to: issue',
      'changelog.histories[].items[].toString: issue',
      'update.summary[].set: issue',
      'update.comment[].add.body: comment',
      'update.labels[].add: issue',
      'update.labels[].remove: issue',
      'renderedFields.description: issue',
      'renderedFields.comment: comment',
      'properties: issue',
      'versionedRepresentations: issue',
      'historyMetadata: issue',
    ])
  })

  it('of the bench has 10 KiB and exactly six covered values', () => {
    const bytes = benchIssue()
    expect(bytes.byteLength).toBe(10_240)
    const sealed = judge(issue, JSON.parse(bytes.toString())).filter(({ rule }) => rule !== undefined)
    expect(sealed.map(({ path }) => dotted(path))).toEqual(BENCH_COVERED_PATHS.map((path) => path.join('.')))
  })
})

describe('other entities', () => {
  const sealed = (entity: string, document: unknown): string[] =>
    sealedPaths(jira.entityState(entity)!, document)

  it('have their content sealed under their own class', () => {
    expect(sealed('board', { id: 1, name: 'n', type: 'scrum', location: { projectKey: 'A' } })).toEqual([
      'name: board',
    ])
    expect(sealed('sprint', { id: 1, state: 'active', name: 'n', goal: 'g', startDate: 'd' })).toEqual([
      'name: board',
      'goal: board',
    ])
    expect(sealed('notification', { id: 1, subject: 's', textBody: 't', to: {}, created: 'c' })).toEqual([
      'subject: notification',
      'textBody: notification',
      'to: notification',
    ])
    const grant = { id: 1, self: 'x', holder: { type: 'group', value: 'v' }, permission: 'BROWSE' }
    expect(sealed('permission', { id: 1, name: 'n', description: 'd', permissions: [grant] })).toEqual([
      'name: permission',
      'description: permission',
      'permissions[].holder: permission',
      'permissions[].permission: permission',
    ])
    const asset = {
      id: '1',
      label: 'l',
      objectKey: 'A-1',
      attributes: [{ id: '2', objectAttributeValues: [{ value: 'v' }] }],
    }
    expect(sealed('asset', asset)).toEqual(['label: asset', 'attributes[].objectAttributeValues: asset'])
  })
})

describe('routes', () => {
  it('cover each collection of a document store, whole, as a list and as a patch', () => {
    for (const collection of ['issue', 'comment', 'board', 'sprint', 'notification', 'permission', 'asset']) {
      const entity = jira.entityState(collection)
      expect(jira.matchRoute('POST', `/${collection}`)).toMatchObject({
        request: { shape: 'json', state: entity },
      })
      expect(jira.matchRoute('PUT', `/${collection}/1`)?.request.state).toBe(entity)
      expect(jira.matchRoute('PATCH', `/${collection}/1`)?.request).toEqual({ shape: 'patch', state: entity })
      expect(jira.matchRoute('GET', `/${collection}/1`)?.response.state).toBe(entity)
      expect(jira.matchRoute('HEAD', `/${collection}/1`)?.action).toBe('transform')
      expect(jira.matchRoute('DELETE', `/${collection}/1`)?.request.shape).toBe('none')
      const list = jira.matchRoute('GET', `/${collection}`)!.response
      expect(clearPaths(list.state, { items: [{ id: '1' }], next: 'p1' })).toEqual(['items[].id', 'next'])
    }
  })

  it('leave the answer to a creation readable', () => {
    const { response } = jira.matchRoute('POST', '/issue')!
    expect(sealedPaths(response.state, { id: '1' })).toEqual([])
    const created = {
      id: '1',
      key: 'A-1',
      self: 'x',
      transition: { status: 200, errorCollection: { errors: {} } },
    }
    expect(sealedPaths(jira.matchRoute('POST', '/rest/api/3/issue')!.response.state, created)).toEqual([])
  })

  it('refuse attachment bytes and what cannot be read back, pass configuration, know nothing else', () => {
    expect(jira.matchRoute('POST', '/rest/api/3/issue/1/attachments')?.action).toBe('refuse')
    expect(jira.matchRoute('PUT', '/rest/api/3/issue/1/properties/p')?.action).toBe('refuse')
    expect(jira.matchRoute('GET', '/rest/api/3/attachment/10000')?.action).toBe('pass')
    expect(jira.matchRoute('GET', '/rest/api/3/project/SHOP')?.action).toBe('pass')
    for (const path of ['/', '/page/1', '/rest/api/3/unheard', '/rest/api/2/issue/1', '/Issue/1']) {
      expect(jira.matchRoute('GET', path), path).toBeUndefined()
    }
    expect(jira.matchRoute('TRACE', '/issue/1')).toBeUndefined()
  })
})

describe('the preset for service management', () => {
  const service = presetCoverage('jira-service-management')

  it('has everything of Jira, and customer requests', () => {
    expect(
      sealedPaths(service.matchRoute('GET', '/issue/1')!.response.state, { fields: { summary: 's' } }),
    ).toEqual(['fields.summary: issue'])
    const raised = {
      serviceDeskId: '1',
      requestTypeId: '2',
      requestFieldValues: { summary: 's', description: 'd' },
    }
    const { request } = service.matchRoute('POST', '/rest/servicedeskapi/request')!
    expect(sealedPaths(request.state, raised)).toEqual([
      'requestFieldValues.summary: issue',
      'requestFieldValues.description: issue',
    ])
    const read = {
      issueKey: 'A-1',
      summary: 's',
      reporter: USER,
      currentStatus: { status: 'Open' },
      requestFieldValues: [{ fieldId: 'summary', label: 'What', value: 's', renderedValue: { html: 'h' } }],
      comments: { size: 1, values: [{ id: '1', body: 'b', author: USER, public: true }] },
      attachments: { size: 1, values: [{ filename: 'f', size: 1, mimeType: 'm' }] },
    }
    expect(sealedPaths(service.entityState('request')!, read)).toEqual([
      'summary: issue',
      'requestFieldValues[].value: issue',
      'requestFieldValues[].renderedValue: issue',
      'comments.values[].body: comment',
    ])
  })
})
