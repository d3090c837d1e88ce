import t from 'tap'
import { exampleLead } from '../../../src/contract/api/examples.ts'
import type { Lead, LeadPatch } from '../../../src/contract/lead.ts'

/**
 * The page's drafts against a hub that answers as the real one: 412 when the version is not that of
 * the read.
 */

Object.defineProperty(globalThis, 'localStorage', {
  value: { getItem: () => null, setItem: () => undefined },
  configurable: true
})
Object.defineProperty(globalThis, 'addEventListener', {
  value: () => undefined,
  configurable: true
})
const kept = new Map<string, string>()
const sessionStorage = {
  getItem: (name: string) => kept.get(name) ?? null,
  setItem: (name: string, text: string) => void kept.set(name, text),
  removeItem: (name: string) => void kept.delete(name)
}
Object.defineProperty(globalThis, 'sessionStorage', { value: sessionStorage, configurable: true })
const { Drafts } = await import('../../../src/central-hub/console/drafts.js')

/**
 * @param onRead what somebody else does between the read and the write, by the number of the read
 */
const rig = (
  onRead: (reads: number, change: (patch: LeadPatch) => void) => void = () => undefined
) => {
  let lead = { ...exampleLead, note: '', tags: [], assignee: null, state: 'new' } as Lead
  let version = 1
  const calls: string[] = []
  const change = (patch: LeadPatch): void => {
    lead = { ...lead, ...patch } as Lead
    version += 1
  }
  const answer = (status: number, body: unknown): Response => {
    const headers = { 'content-type': 'application/json', etag: `"${version}.x"` }
    return new Response(JSON.stringify(body), { status, headers })
  }
  globalThis.fetch = (async (
    _path: string,
    { method, headers, body }: { method: string; headers: Record<string, string>; body?: string }
  ) => {
    await new Promise((resolve) => setImmediate(resolve))
    calls.push(method)
    if (method === 'GET') {
      const read = answer(200, lead)
      onRead(calls.filter((call) => call === 'GET').length, change)
      return read
    }
    if (headers['if-match'] !== `"${version}.x"`)
      return answer(412, {
        type: 'urn:leadmaster:problem:precondition-failed',
        title: 'changed',
        status: 412
      })
    change(JSON.parse(body ?? '') as LeadPatch)
    return answer(200, lead)
  }) as unknown as typeof fetch
  kept.clear()
  const drafts = new Drafts({ onSaved: () => undefined, onChange: () => undefined })
  return { drafts, calls, lead: () => lead }
}

t.test('fields of one lead that are saved at the same time do not refuse each other', async (t) => {
  const { drafts, calls, lead } = rig()
  const { id } = exampleLead
  drafts.set(id, 'note', 'call', '')
  drafts.set(id, 'state', 'open', 'new')
  drafts.set(id, 'assignee', 'Luisa', null)
  drafts.set(id, 'tags', ['vip'], [])
  await drafts.flush()
  t.match(lead(), { note: 'call', state: 'open', assignee: 'Luisa', tags: ['vip'] })
  t.same(
    calls,
    ['GET', 'PATCH', 'GET', 'PATCH', 'GET', 'PATCH', 'GET', 'PATCH'],
    'one read and one write each'
  )
  t.notOk(drafts.get(id, 'note'))
})

t.test(
  'another field that somebody changes between read and write costs one more read; the draft is saved',
  async (t) => {
    const { drafts, calls, lead } = rig((reads, change) => reads === 1 && change({ state: 'won' }))
    drafts.set(exampleLead.id, 'note', 'call', '')
    await drafts.save(exampleLead.id, 'note')
    t.match(lead(), { note: 'call', state: 'won' })
    t.same(calls, ['GET', 'PATCH', 'GET', 'PATCH'])
  }
)

t.test(
  'the same field that somebody changes is a conflict, and nothing is written over',
  async (t) => {
    const { drafts, lead } = rig((reads, change) => reads === 1 && change({ note: 'theirs' }))
    drafts.set(exampleLead.id, 'note', 'mine', '')
    await drafts.save(exampleLead.id, 'note')
    t.equal(lead().note, 'theirs')
    t.match(drafts.get(exampleLead.id, 'note'), {
      conflict: true,
      theirs: 'theirs',
      value: 'mine'
    })
  }
)

t.test(
  'a lead that changes at each read is not written to without end; the draft stays, with its error',
  async (t) => {
    const { drafts, calls } = rig((reads, change) => change({ assignee: `operator ${reads}` }))
    drafts.set(exampleLead.id, 'note', 'mine', '')
    await drafts.save(exampleLead.id, 'note')
    t.same(calls, ['GET', 'PATCH', 'GET', 'PATCH'])
    t.match(drafts.get(exampleLead.id, 'note'), {
      value: 'mine',
      error: { problem: { status: 412 } }
    })
  }
)

t.test(
  'what is not saved outlives a reload, is saved after it, and is gone when somebody signs out',
  async (t) => {
    const { drafts } = rig()
    const { id } = exampleLead
    const answers = globalThis.fetch
    globalThis.fetch = () => Promise.reject(new Error('offline'))
    drafts.set(id, 'note', 'call', '')
    await drafts.save(id, 'note')
    t.match(drafts.unsaved(), [{ id, isConflict: false }])

    globalThis.fetch = answers
    const reloaded = new Drafts({ onSaved: () => undefined, onChange: () => undefined })
    t.match(reloaded.get(id, 'note'), { value: 'call', base: '' })
    t.match(reloaded.unsaved(), [{ id, isConflict: false }])
    await reloaded.save(id, 'note')
    t.same([reloaded.unsaved(), [...kept]], [[], []], 'the hub has it, and the browser does not')

    reloaded.set(id, 'note', 'call again', 'call')
    t.equal(kept.size, 1)
    reloaded.clear()
    t.equal(kept.size, 0)
    drafts.clear()
  }
)

t.test('what the browser kept and cannot be read is left out', async (t) => {
  kept.set('leadmaster-unsaved', '{')
  const drafts = new Drafts({ onSaved: () => undefined, onChange: () => undefined })
  t.same(drafts.unsaved(), [])
})
