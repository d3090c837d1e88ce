import t from 'tap'
import { installModuleHook } from '../../../src/session-manager/whatsapp/module-hook.ts'
import { inChromium, type Before } from './in-chromium.ts'
import { inPage } from './in-page.ts'
import { loader, loaders, stub } from './page-loader.ts'

interface Hook {
  onModule: (name: string, use: (exports: Record<string, unknown>, value: unknown) => void) => void
  sees: () => string
  failures: () => string[]
}
interface Seen {
  name: string
  exports: string[]
  value: string
  at: number
}

/** Runs in the page: writes down what the hook gives of these modules, and marks their exports. */
const watchModules = (names: string[]): void => {
  const scope = globalThis as unknown as Record<PropertyKey, unknown>
  const seen: Seen[] = []
  scope['seen'] = seen
  scope['order'] = []
  const hook = scope[Symbol.for('leadmaster.modules')] as Hook
  for (const name of names) {
    hook.onModule(name, (exports, value) => {
      seen.push({
        name,
        exports: Object.keys(exports),
        value: typeof value,
        at: (scope['order'] as string[]).length
      })
      if (typeof exports['send'] === 'function') exports['send'] = () => 'refused'
    })
  }
}

const modules = `
  __d('Wire', ['Helper'], function (global, require, importDefault, importNamespace, requireLazy, module, exports) {
    'use strict'
    exports.send = function () { return 'sent' }
    exports.help = importNamespace('Helper').help
    order.push('made Wire with ' + arguments.length + ' arguments, this ' + (this === undefined ? 'undefined' : 'something'))
  }, 98);
  __d('Helper', [], function (a, b, c, d, e, f, g) { g.help = function () { return 'helped' } }, 98);
  __d('User', ['Wire'], function (a, b, c, d, e, f, g, Wire) {
    order.push('User sends: ' + Wire.send() + ', ' + d('Wire').send())
    g.default = class User {}
  }, 98);
  __d('Replaced', [], function (a, b, c, d, e, f) { e.exports = function send() {} }, 2);
  __d('Returned', [], function () { return { send: function () { return 'sent' } } }, 2);
  __d('Data', [], { send: 'no function' }, 2);
  __d('Getter', [], function (a, b, c, d, e, f, g) { Object.defineProperty(g, 'send', { enumerable: true, configurable: true, get: function () { return function () { return 'sent' } } }) }, 98);
  __d('Broken', [], function () { throw new Error('broken') }, 98);`
const names = ['Wire', 'User', 'Replaced', 'Returned', 'Data', 'Broken', 'Absent']
const before: Before[] = [[installModuleHook], [watchModules, names]]

t.test('each way in which a page may define its loader', async (t) => {
  for (const [way, script] of Object.entries(loaders)) {
    t.test(way, async (t) => {
      const page = await inChromium(
        t,
        [
          stub,
          `${modules}`,
          script,
          `require('User')`,
          `__d('Late', [], function (a, b, c, d, e, f, g) { g.send = function () { return 'sent' } }, 98)`
        ],
        [[installModuleHook], [watchModules, [...names, 'Late']]]
      )

      const found = await page.run(() => {
        const scope = globalThis as unknown as {
          require: (name: string) => { send: () => string }
          order: string[]
          seen: Seen[]
        } & Record<symbol, Hook>
        const late = scope.require('Late').send()
        return {
          late,
          order: scope.order,
          seen: scope.seen,
          sees: scope[Symbol.for('leadmaster.modules')]?.sees()
        }
      })
      t.equal(found.sees, 'define')
      t.same(
        found.order,
        ['made Wire with 7 arguments, this something', 'User sends: refused, refused'],
        'the page never gets the exports as they were'
      )
      t.same(
        found.seen.map(({ name }) => name),
        ['Wire', 'User', 'Late']
      )
      t.same(
        found.seen[1],
        { name: 'User', exports: ['default'], value: 'function', at: 2 },
        'the value is the default export'
      )
      t.equal(found.late, 'refused', 'a module that is loaded later')
      t.same(page.errors, [])
    })
  }
})

t.test('each form of exports', async (t) => {
  const page = await inChromium(t, [stub, modules, loader], before)

  const found = await page.run(() => {
    const scope = globalThis as unknown as {
      require: (name: string) => never
      seen: Seen[]
    } & Record<symbol, Hook>
    const given = ['Replaced', 'Returned', 'Data', 'Getter'].map((name) => {
      const value = scope.require(name) as { send?: () => unknown } | (() => void)
      return typeof value === 'function'
        ? 'function'
        : typeof value.send === 'function'
          ? String(value.send())
          : String(value.send)
    })
    let broken = ''
    try {
      scope.require('Broken')
    } catch (error) {
      broken = String(error)
    }
    return { given, broken, seen: scope.seen.map(({ name, value }) => `${name} ${value}`) }
  })
  t.same(found.given, ['function', 'refused', 'no function', 'sent'])
  t.equal(found.broken, 'Error: broken', "a factory's own error reaches the page")
  t.same(
    found.seen,
    ['Replaced function', 'Returned object', 'Data object'],
    'a module that could not be made is not given'
  )
})

t.test('after a reload it is there again', async (t) => {
  const page = await inChromium(t, [stub, modules, loader, `require('User')`], before)
  await page.reload()
  t.same(await page.run(() => (globalThis as unknown as { order: string[] }).order), [
    'made Wire with 7 arguments, this something',
    'User sends: refused, refused'
  ])
})

t.test('what `use` throws does not reach the page, and is told', async (t) => {
  const it = inPage({ order: [] })
  it.run(installModuleHook as never)
  const hook = it.world[Symbol.for('leadmaster.modules') as unknown as string] as Hook
  hook.onModule('Wire', () => {
    throw new Error('ours')
  })
  hook.onModule('Wire', () => {
    throw null
  })
  it.script(stub)
  it.script(modules)
  it.script(loader)
  it.script(`require('User')`)
  t.same(hook.failures(), ['Wire: ours', 'Wire: null'])
  t.match(it.world['order'], [
    'made Wire with 7 arguments, this something',
    'User sends: sent, sent'
  ])
})

t.test(
  'a module that is made already is given now; one that is given is not given twice',
  async (t) => {
    const it = inPage({ order: [] })
    it.run(installModuleHook as never)
    const hook = it.world[Symbol.for('leadmaster.modules') as unknown as string] as Hook
    for (const script of [stub, modules, loader, `require('User')`]) it.script(script)
    const given: string[] = []
    hook.onModule('Wire', (exports) => given.push(Object.keys(exports).join()))
    t.same(given, ['send,help'])
    it.script(`require('Wire')`)
    t.same(given, ['send,help'])
  }
)

t.test('a module that the page makes again is given again', async (t) => {
  const it = inPage({ order: [] })
  it.run(installModuleHook as never)
  const hook = it.world[Symbol.for('leadmaster.modules') as unknown as string] as Hook
  let given = 0
  hook.onModule('Wire', () => (given += 1))
  it.script(`var factory; __d = function (name, deps, made) { factory = made }`)
  it.script(
    `__d('Wire', [], function (require, module, exports) { exports.send = function () {} })`
  )
  it.script(
    `for (const round of [1, 2]) { const module = { exports: {} }; factory(null, module, module.exports) }`
  )
  t.equal(given, 2)
})

t.test('where only require can be caught, modules are given as they are asked for', async (t) => {
  const it = inPage()
  it.run(installModuleHook as never)
  const hook = it.world[Symbol.for('leadmaster.modules') as unknown as string] as Hook
  t.equal(hook.sees(), 'nothing')
  const given: string[] = []
  hook.onModule('Wire', (exports) => {
    given.push('Wire')
    exports['send'] = () => 'refused'
  })
  it.script(
    `{ const made = { Wire: { send: () => 'sent' }, Other: {} }; require = (name) => made[name] }`
  )
  t.equal(hook.sees(), 'require')
  t.same(given, [])
  t.equal(it.script(`require('Other'); require('Wire').send()`), 'refused')
  t.equal(it.script(`require('Wire').send()`), 'refused')
  t.same(given, ['Wire'])
})
