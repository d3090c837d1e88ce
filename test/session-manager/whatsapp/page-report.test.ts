import fc from 'fast-check'
import t from 'tap'
import { PageFindings } from '../../../src/contract/page-report.ts'
import {
  fieldNames,
  moduleNames,
  typeNames
} from '../../../src/session-manager/whatsapp/page-names.ts'
import {
  namesOf,
  reportOn,
  shapesInPage
} from '../../../src/session-manager/whatsapp/page-report.ts'
import { conforms } from '../../platform/conforms.ts'
import { inPage } from './in-page.ts'
import { propertyRuns } from '../../property-runs.ts'

/** A world whose page holds these messages, built by a text of JavaScript. */
const worldOf = (models: string, modules = '{}'): ReturnType<typeof inPage> => {
  const world = inPage({
    Debug: { VERSION: '2.3000.1048032155' },
    navigator: { userAgent: 'Mozilla/5.0 Chrome/142.0.0.0 Safari/537.36' }
  })
  world.run(
    ((models: string, modules: string) => {
      const scope = globalThis as unknown as Record<string, unknown>
      const all = {
        WAWebCollections: { Msg: { getModelsArray: () => scope['models'] } },
        ...(0, eval)(`(${modules})`)
      } as Record<string, unknown>
      scope['models'] = (0, eval)(`(${models})`)
      scope['require'] = (name: string) => {
        if (name === 'WAWebCmd') throw new Error('unresolved dependencies')
        if (all[name] === undefined) throw new Error(`Requiring unknown module "${name}"`)
        return all[name]
      }
    }) as never,
    models,
    modules
  )
  return world
}

t.test('a report holds the names and types of the fields of messages', async (t) => {
  const { page } = worldOf(
    `(() => {
    class MsgKey {
      fromMe = false
      remote = { server: 'c.us', user: '5215512345678' }
      id = '3A'
      $1 = 'false_5215512345678@c.us_3A'
    }
    class Model {
      constructor(facts) { this.facts = facts }
      get type() { return this.facts.type }
      get t() { return this.facts.t }
      get brandNewField() { return 1 }
      serialize() { return { id: new MsgKey(), body: undefined, brandNewField: 1, ...this.facts } }
    }
    return [
      new Model({
        type: 'chat', t: 2, body: 'Hola', notifyName: 'Ana', waveform: new Uint8Array(4)
      }),
      new Model({
        type: 'chat', t: 1, body: null, vcardList: [{ displayName: 'Luz', vcard: 'BEGIN' }],
        messageSecret: { 0: 1, 31: 2 }, ctwaContext: { title: 'x', $15: 'x', Ana: 1 }
      }),
      new Model({ type: 'brand_new_type', t: 3 })
    ]
  })()`,
    `{ WABase64: {
      encodeB64() {}, data5215512345678: 1, 'Hola Ana': 2, get broken() { throw new Error('x') }
    } }`
  )

  const report = await reportOn(page)

  conforms(t, PageFindings, report, 'as the contract has it')
  t.same(report.messages['chat'], {
    body: 'null|string',
    brandNewField: 'number',
    ctwaContext: 'object',
    'ctwaContext.<key>': 'number|string',
    'ctwaContext.title': 'string',
    id: 'object',
    'id.$1': 'string',
    'id.fromMe': 'boolean',
    'id.id': 'string',
    'id.remote': 'object',
    'id.remote.server': 'string',
    'id.remote.user': 'string',
    messageSecret: 'object',
    'messageSecret.<key>': 'number',
    notifyName: 'string',
    t: 'number',
    type: 'string',
    vcardList: 'array',
    'vcardList[]': 'object',
    'vcardList[].displayName': 'string',
    'vcardList[].vcard': 'string',
    waveform: 'bytes'
  })
  t.ok(report.messages['<type>'], 'a type that is not known is not named')
  t.same(report.modules['WABase64'], { '<key>': 'number', broken: 'throws', encodeB64: 'function' })
  t.equal(report.modules['WAWebCmd'], 'failing')
  t.equal(report.modules['WALinkify'], 'missing')
  t.match(report, { whatsapp_web: '2.3000.1048032155', chromium: 142 })
  t.match(
    report.checks.find(({ missing }) => missing.includes('WAWebChatLoadMessages')),
    { verdict: 'failed' }
  )
  t.match(
    report.checks.find(({ name }) => name === 'messages'),
    { verdict: 'ok' }
  )
})

t.test(
  'a report is made of a page without messages or collections, and of a message that throws',
  async (t) => {
    const verdict = async (models: string, modules?: string): Promise<string | undefined> => {
      const { checks } = await reportOn(worldOf(models, modules).page)
      return checks.find(({ name }) => name === 'messages')?.verdict
    }

    t.equal(await verdict('[]'), 'unknown')
    t.equal(await verdict('[]', '{ WAWebCollections: undefined }'), 'failed')
    const broken = `[
      { type: 'chat', serialize() { throw new Error('5215512345678') } },
      { type: 'image', get body() { throw new Error('Hola') } }
    ]`
    const report = await reportOn(worldOf(broken).page)
    t.same(report.messages, {
      chat: { '<unreadable>': 'throws' },
      image: { '<unreadable>': 'throws' }
    })
    const empty = inPage({})
    await t.rejects(reportOn(empty.page), { message: 'WhatsApp Web is not loaded' })
  }
)

t.test('a message that leads to all others is looked at to a bounded depth', async (t) => {
  const { page } = worldOf(`(() => {
    const all = Array.from({ length: 3_000 }, (_, t) => ({ type: 'chat', t }))
    for (const model of all) model.mediaData = { parent: all, self: model }
    return all
  })()`)
  const report = await reportOn(page)
  t.same(
    Object.keys(report.messages['chat'] ?? {}).filter((path) => path.split('.').length > 4),
    []
  )
})

/** Everything that a report may say: the names that LeadMaster ships, and its own words. */
const vocabulary = new Set([
  ...fieldNames,
  ...typeNames,
  ...moduleNames,
  '<key>',
  '<type>',
  '<unreadable>',
  'null',
  'array',
  'bytes',
  'object',
  'string',
  'number',
  'boolean',
  'undefined',
  'function',
  'throws',
  'bigint',
  'symbol'
])
const words = (value: unknown): string[] => JSON.stringify(value).match(/[^"{}:,.|[\]]+/g) ?? []

t.test('no value of a message, and no key that came with one, is in a report', async (t) => {
  const hostileText = fc.oneof(
    fc.constantFrom(
      '+5215512345678',
      '5215512345678@c.us',
      '120363000000000001@g.us',
      'Hola',
      'Ana',
      'Sí, a las 5',
      '$1',
      '$15',
      '$1500',
      'a.b',
      'x[]',
      '<key>x',
      '__proto__',
      'constructor',
      'toString',
      'ana@example.com',
      'chat|Ana'
    ),
    fc.string(),
    fc.string({ unit: 'grapheme' })
  )
  const known = fc.constantFrom(...fieldNames.slice(0, 60))
  const value = fc.letrec((tie) => ({
    any: fc.oneof(
      { depthSize: 'small' },
      hostileText,
      fc.double(),
      fc.boolean(),
      fc.constant(null),
      fc.array(tie('any'), { maxLength: 4 }),
      tie('holder')
    ),
    holder: fc.dictionary(fc.oneof(hostileText, known), tie('any'), {
      maxKeys: 5,
      noNullPrototype: false
    })
  }))
  const model = fc.record({
    facts: value.holder,
    type: fc.oneof(fc.constantFrom(...typeNames), hostileText),
    isClass: fc.boolean()
  })

  fc.assert(
    fc.property(fc.array(model, { maxLength: 6 }), (models) => {
      class Inner {
        constructor(facts: object) {
          Object.assign(this, facts)
        }
      }
      const asModel = ({ facts, type, isClass }: (typeof models)[number]): object => {
        const inner = isClass ? { id: new Inner(facts as object) } : {}
        return { ...(facts as object), ...inner, type }
      }
      const scope = globalThis as unknown as Record<string, unknown>
      const before = scope['require']
      scope['require'] = () => ({ Msg: { getModelsArray: () => models.map(asModel) } })
      try {
        const found = namesOf(
          shapesInPage({ messages: 100, perType: 100, depth: 3, items: 100, shapes: 5_000 })
        )
        const strange = words(found).filter(
          (word) => !vocabulary.has(word) && !/^\$\d{1,2}$/.test(word)
        )
        return strange.length === 0
      } finally {
        scope['require'] = before
      }
    }),
    propertyRuns(t, 500)
  )
  t.pass('500 pages of hostile models')
})
