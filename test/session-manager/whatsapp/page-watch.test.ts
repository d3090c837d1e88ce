import { mock } from 'node:test'
import t from 'tap'
import type { Page } from '../../../src/session-manager/whatsapp/browser.ts'
import { pageContract } from '../../../src/session-manager/whatsapp/page-contract.ts'
import type { FailedCheck } from '../../../src/session-manager/whatsapp/page-checks.ts'
import { PageWatch } from '../../../src/session-manager/whatsapp/page-watch.ts'
import { logLines } from '../../platform/log-lines.ts'

mock.timers.enable({ apis: ['setTimeout'] })
t.teardown(() => mock.timers.reset())

const found = (...modules: string[]) => ({
  shown: true,
  version: '2.3000.1',
  missing: pageContract.map(({ module }) => (modules.includes(module) ? [''] : []))
})
const moduleOf = (part: string): string =>
  pageContract.find((need) => need.part === part)?.module as string
const turns = (): Promise<void> => new Promise((turn) => setImmediate(turn))
const later = async (ms: number): Promise<void> => {
  mock.timers.tick(ms)
  await turns()
}

/** The answer to the names, then the answer to the checks: a failing one is the fatal one. */
const watched = () => {
  const said: unknown[] = []
  const { log, lines } = logLines()
  const state: { looked: number; answer: () => unknown; page: boolean; failed: FailedCheck[] } = {
    looked: 0,
    answer: () => found(),
    page: true,
    failed: []
  }
  const evaluate = async (_fn: unknown, argument: unknown[]) => {
    if (typeof argument[0] === 'string') return state.failed
    state.looked += 1
    return state.answer()
  }
  const page = { evaluate } as unknown as Page
  const watch = new PageWatch({
    page: () => (state.page ? page : undefined),
    onFatal: (reason) => said.push(['fatal', reason]),
    onLimited: (reason) => said.push(['limited', reason]),
    log
  })
  return { watch, said, lines, state }
}

t.test(
  'what is not all there is told at the second look, and again once it is there',
  async (t) => {
    const { watch, said, state } = watched()
    const media = moduleOf('media')
    state.answer = () => found(media)
    watch.begin()
    await turns()
    t.same(said, [], 'it may be loaded late')
    await later(3_000)
    t.match(said, [
      [
        'limited',
        new RegExp(`^WhatsApp Web 2\\.3000\\.1 has changed: its module ${media} is missing`)
      ]
    ])
    state.answer = () => found()
    await later(60_000)
    t.same(said.slice(1), [['limited', undefined]])
    await later(60_000)
    t.ok(state.looked >= 4, 'a page that has all is looked at once a minute: it may change')
  }
)

t.test('a QR of another form limits nothing once the device is linked', async (t) => {
  const { watch, said } = watched()
  watch.noteCheck({ check: 'qr text' })
  watch.begin()
  await turns()
  await later(3_000)
  t.same(said, [['limited', undefined]])
})

t.test('without what captures messages it may not stay READY', async (t) => {
  const { watch, said, state } = watched()
  state.failed = [{ check: 'own listeners' }]
  watch.begin()
  await turns()
  t.same(said, [], 'the second look decides')
  await later(3_000)
  t.match(said, [['fatal', /has changed: LeadMaster cannot listen/]])
})

t.test(
  'what was begun before a stop tells nothing; a page that is closed, or does not answer, is no finding',
  async (t) => {
    const { watch, said, lines, state } = watched()
    state.failed = [{ check: 'own listeners' }]
    watch.begin()
    watch.stop()
    await turns()
    await later(3_000)
    t.same([said, state.looked], [[], 1])
    const whyNot = watch.whyNot('ready')
    await turns()
    await later(3_000)
    t.match(await whyNot, /has changed/)
    state.answer = () => {
      throw new Error('Target closed')
    }
    t.equal(await watch.whyNot('ready'), undefined)
    t.match(lines, [{ event: 'look_failed' }])
    state.page = false
    t.equal(await watch.whyNot('ready'), undefined)
  }
)

t.test('a new revision is logged with the verdict of all checks, once', async (t) => {
  const { watch, lines, state } = watched()
  const revisions = () => lines.filter(({ event }) => event === 'page_revision')
  watch.begin()
  await turns()
  await later(60_000)
  t.match(revisions(), [
    {
      level: 'info',
      version: '2.3000.1',
      missing: [],
      checks: { 'own listeners': 'ok', 'vote hook': 'ok' }
    }
  ])

  state.answer = () => ({ ...found(), version: '2.3000.2' })
  state.failed = [{ check: 'vote hook' }]
  await later(60_000)
  await later(3_000)
  t.match(revisions().slice(1), [
    {
      level: 'warn',
      version: '2.3000.2',
      checks: { 'own listeners': 'ok', 'vote hook': 'votes in polls are not captured' }
    }
  ])
})

t.test(
  'a page that is not READY has changed only if two looks, some seconds apart, find the same',
  async (t) => {
    const [first, second] = pageContract
      .filter(({ part }) => part === 'link')
      .map(({ module }) => module) as [string, string]
    const shownAs = (missing: string[]) => ({ ...found(...missing) })
    const cases: { looks: (() => unknown)[]; reason: RegExp | undefined }[] = [
      {
        looks: [() => shownAs([first]), () => shownAs([first])],
        reason: new RegExp(`has changed: its module ${first} is missing`)
      },
      { looks: [() => shownAs([first]), () => shownAs([])], reason: undefined },
      { looks: [() => shownAs([first, second]), () => shownAs([second])], reason: undefined },
      { looks: [() => shownAs([])], reason: undefined },
      { looks: [() => ({ ...found(), version: null }), () => found()], reason: undefined },
      {
        looks: [() => ({ ...found(), version: null }), () => ({ ...found(), version: null })],
        reason: /no window\.Debug\.VERSION/
      },
      {
        looks: [() => ({ ...found(), shown: false }), () => ({ ...found(), shown: false })],
        reason: /^web\.whatsapp\.com did not show WhatsApp Web$/
      },
      { looks: [() => ({ ...found(), shown: false }), () => shownAs([first])], reason: undefined },
      {
        looks: [
          () => shownAs([first]),
          () => {
            throw new Error('Target closed')
          }
        ],
        reason: undefined
      }
    ]
    for (const [index, { looks, reason }] of cases.entries()) {
      const { watch, state } = watched()
      state.answer = () => looks[state.looked - 1]?.()
      const asked = watch.whyNot('unlinked')
      await turns()
      t.equal(state.looked, 1, 'it waits before the second look')
      await later(2_999)
      t.equal(state.looked, 1)
      await later(1)
      const told = await asked
      if (reason === undefined) t.equal(told, undefined, `case ${index}`)
      else t.match(told, reason, `case ${index}`)
      t.equal(state.looked, looks.length)
    }
  }
)
