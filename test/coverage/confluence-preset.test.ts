import { describe, expect, it } from 'vitest'
import { presetCoverage } from '../../src/coverage/load-coverage.ts'
import { clearPaths, sealedPaths } from './judge.ts'

const confluence = presetCoverage('confluence')
const sealed = (entity: string, document: unknown): string[] =>
  sealedPaths(confluence.entityState(entity)!, document)

const BODY = {
  storage: { value: '<p>', representation: 'storage' },
  atlas_doc_format: { value: '{}', representation: 'atlas_doc_format' },
  view: { value: '<p>', representation: 'view' },
}
const VERSION = { number: 2, createdAt: 'c', message: 'm', minorEdit: false, authorId: 'a' }

describe('confluence', () => {
  it('seals title, body in every representation, version message and labels of a page', () => {
    const page = {
      id: '1',
      status: 'current',
      title: 't',
      spaceId: '2',
      parentId: '3',
      authorId: 'a',
      createdAt: 'c',
      version: VERSION,
      body: BODY,
      labels: { results: [{ id: '1', name: 'n', prefix: 'global' }] },
      _links: { base: 'b', webui: '/spaces/DEV/pages/1/t', tinyui: '/x/1', editui: '/e' },
    }
    expect(sealed('page', page)).toEqual([
      'title: page',
      'version.message: page',
      'body.storage.value: page',
      'body.atlas_doc_format.value: page',
      'body.view.value: page',
      'labels.results[].name: page',
      '_links.webui: page',
    ])
  })

  it('seals the title that a link of a restriction repeats', () => {
    const restriction = { id: '1', _links: { base: 'b', self: 's', webui: '/spaces/DEV/pages/1/title' } }
    expect(sealed('permission', restriction)).toEqual(['_links.webui: permission'])
  })

  it('seals a page as it is written', () => {
    const page = {
      spaceId: '1',
      status: 'current',
      title: 't',
      body: { representation: 'storage', value: '<p>' },
    }
    expect(sealed('page', page)).toEqual(['title: page', 'body.value: page'])
    expect(sealed('page', { body: 'bare text' })).toEqual(['body: page'])
  })

  it('seals comments, what they mark, questions with answers, whiteboards and restrictions', () => {
    const comment = {
      id: '1',
      pageId: '2',
      title: 't',
      version: VERSION,
      body: BODY,
      resolutionStatus: 'open',
    }
    expect(
      sealed('comment', { ...comment, properties: { inlineMarkerRef: 'r', inlineOriginalSelection: 's' } }),
    ).toEqual([
      'title: comment',
      'version.message: comment',
      'body.storage.value: comment',
      'body.atlas_doc_format.value: comment',
      'body.view.value: comment',
      'properties.inlineOriginalSelection: comment',
    ])
    const question = {
      id: '1',
      title: 't',
      body: { representation: 'storage', value: 'v' },
      answers: [{ id: '2', body: BODY }],
    }
    expect(sealed('question', question)).toEqual([
      'title: question',
      'body.value: question',
      'answers[].body.storage.value: question',
      'answers[].body.atlas_doc_format.value: question',
      'answers[].body.view.value: question',
    ])
    expect(sealed('whiteboard', { id: '1', title: 't', spaceId: '2', templateKey: 'k' })).toEqual([
      'title: whiteboard',
    ])
    expect(
      sealed('permission', { id: '1', operation: 'read', restrictions: { user: { results: [] } } }),
    ).toEqual(['operation: permission', 'restrictions.user.results: permission'])
  })

  it('leaves attachment metadata readable, but not the comment on it', () => {
    const attachment = {
      id: '1',
      title: 'plan.png',
      mediaType: 'image/png',
      fileSize: 3,
      comment: 'c',
      version: VERSION,
    }
    expect(sealed('attachment', attachment)).toEqual(['comment: page', 'version.message: page'])
  })

  it('covers each collection of a document store, whole, as a list and as a patch', () => {
    for (const [collection, entity] of [
      ['page', 'page'],
      ['blogpost', 'page'],
      ['comment', 'comment'],
      ['question', 'question'],
      ['whiteboard', 'whiteboard'],
      ['permission', 'permission'],
    ] as const) {
      const state = confluence.entityState(entity)
      expect(confluence.matchRoute('POST', `/${collection}`)?.request.state).toBe(state)
      expect(confluence.matchRoute('PATCH', `/${collection}/1`)?.request).toEqual({ shape: 'patch', state })
      expect(confluence.matchRoute('GET', `/${collection}/1`)?.response.state).toBe(state)
      const list = confluence.matchRoute('GET', `/${collection}`)!.response
      expect(clearPaths(list.state, { items: [{ id: '1' }], next: null })).toEqual(['items[].id', 'next'])
    }
  })

  it('covers the routes of REST API v2 and the restrictions and search of v1', () => {
    const page = confluence.entityState('page')
    expect(confluence.matchRoute('GET', '/wiki/api/v2/pages/1')?.response.state).toBe(page)
    expect(confluence.matchRoute('PUT', '/wiki/api/v2/blogposts/1')?.request.state).toBe(page)
    const list = { results: [{ id: '1', title: 't' }], _links: { next: 'n', base: 'b' } }
    const { state } = confluence.matchRoute('GET', '/wiki/api/v2/spaces/1/pages')!.response
    expect(sealedPaths(state, list)).toEqual(['results[].title: page'])
    const found = { results: [{ title: 't', excerpt: 'e', content: { id: '1', title: 't' } }], totalSize: 1 }
    const search = confluence.matchRoute('GET', '/wiki/rest/api/search')!.response.state
    expect(sealedPaths(search, found)).toEqual([
      'results[].title: page',
      'results[].excerpt: page',
      'results[].content.title: page',
    ])
    expect(confluence.matchRoute('PUT', '/wiki/rest/api/content/1/restriction')?.action).toBe('transform')
    expect(confluence.matchRoute('POST', '/wiki/rest/api/content/1/child/attachment')?.action).toBe('refuse')
    expect(confluence.matchRoute('GET', '/wiki/api/v2/spaces')?.action).toBe('pass')
    expect(confluence.matchRoute('GET', '/wiki/api/v2/unheard')).toBeUndefined()
  })
})
