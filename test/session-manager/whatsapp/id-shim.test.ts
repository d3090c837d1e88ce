import t from 'tap'
import { installIdShim, type Ids } from '../../../src/session-manager/whatsapp/id-shim.ts'
import { installModuleHook } from '../../../src/session-manager/whatsapp/module-hook.ts'
import { inPage } from './in-page.ts'

/**
 * A page with the shim, whose ids keep their text in a field of that name; given to `run` in the
 * page's own world.
 */
const pageWith = (field: string) => {
  const it = inPage()
  it.run(installModuleHook as never)
  it.run(installIdShim as never)
  const define = (name: string): void => {
    const scope = globalThis as unknown as Record<string, unknown>
    class Id {
      constructor(text: string) {
        ;(this as Record<string, unknown>)[name] = text
      }
      toString(): string {
        return (this as unknown as Record<string, string>)[name] as string
      }
    }
    const modules: Record<string, unknown> = { WAWebMsgKey: Id, WAWebWid: Id }
    scope['require'] = (module: string) => modules[module]
    scope['Id'] = Id
  }
  it.run(define as never, field)
  return it
}
/** What an id shows to the library: its `_serialized`, its own fields, and its JSON. */
const shown = (): unknown => {
  const scope = globalThis as unknown as {
    require: (name: string) => unknown
    Id: new (text: string) => Record<string, unknown>
  }
  scope.require('WAWebMsgKey')
  const id = new scope.Id('false_1@c.us_A')
  const text = id['_serialized']
  return {
    text,
    same: text === String(id),
    own: Object.keys(id),
    json: JSON.stringify(id),
    ofPrototype: Object.getPrototypeOf(id)._serialized ?? null
  }
}

t.test(
  'an id has the field that the library reads, whatever the page calls its own, and nothing else changes',
  async (t) => {
    for (const field of ['_serialized', '$1', '$7']) {
      const { text, same, own, json } = pageWith(field).run(shown as never) as {
        text: string
        same: boolean
        own: string[]
        json: string
      }
      t.equal(text, 'false_1@c.us_A', field)
      t.ok(same)
      t.same(own, [field], 'the id has no field more than before')
      t.equal(json, JSON.stringify({ [field]: text }))
    }
  }
)

t.test(
  'the class of a prototype without a text, or whose text reads the field itself, does no harm',
  async (t) => {
    t.match(pageWith('_serialized').run(shown as never), { ofPrototype: null })
    t.match(pageWith('$1').run(shown as never), { ofPrototype: null })
  }
)

t.test('a message is read field by field where its model throws', async (t) => {
  const { run } = pageWith('$1')
  const read = (): unknown => {
    const scope = globalThis as unknown as { Id: new (text: string) => object } & Record<
      symbol,
      Ids
    >
    const remote = new scope.Id('1@c.us')
    const id = Object.assign(new scope.Id('false_1@c.us_A'), { fromMe: false, remote, id: 'A' })
    const message = {
      id,
      type: 'chat',
      body: 'Hola',
      t: 5,
      get caption() {
        throw new Error('this field cannot be read')
      },
      serialize: () => {
        throw new Error('this model cannot be read')
      }
    }
    return JSON.parse(JSON.stringify((scope[Symbol.for('leadmaster.ids')] as Ids).modelOf(message)))
  }
  t.match(run(read as never), {
    id: { _serialized: 'false_1@c.us_A', remote: '1@c.us', fromMe: false },
    type: 'chat',
    body: 'Hola',
    t: 5
  })
})

t.test(
  'the library reads a message with ids as texts, also where its own reading throws',
  async (t) => {
    const { run } = pageWith('$1')
    const read = (fails: boolean): unknown => {
      const scope = globalThis as unknown as {
        Id: new (text: string) => object
        WWebJS: { getMessageModel: (message: object) => { id: Record<string, unknown> } }
      }
      scope.WWebJS = {} as typeof scope.WWebJS
      scope.WWebJS.getMessageModel = (message) => {
        if (fails) throw new Error('Requiring unknown module "WALinkify"')
        return Object.assign({}, message) as { id: Record<string, unknown> }
      }
      const key = Object.assign(new scope.Id('true_1@c.us_A'), {
        fromMe: true,
        remote: new scope.Id('1@c.us'),
        id: 'A'
      })
      const { id } = scope.WWebJS.getMessageModel({ id: key, type: 'chat' })
      return {
        text: id['_serialized'],
        remote: id['remote'],
        untouched: !Object.hasOwn(key, '_serialized')
      }
    }
    for (const fails of [false, true])
      t.same(run(read as never, fails), {
        text: 'true_1@c.us_A',
        remote: '1@c.us',
        untouched: true
      })
  }
)
