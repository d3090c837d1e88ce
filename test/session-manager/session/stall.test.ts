import t from 'tap'
import {
  errorAfterRounds,
  initialStall,
  judge,
  type Stall,
  type StallEffect,
  type StallEvent
} from '../../../src/session-manager/session/stall.ts'
import { createWorld, type World } from './stall-world.ts'

const [second, minute, hour, day] = [1_000, 60_000, 3_600_000, 86_400_000]

/** Times at which something happens, about so far apart, until the end. */
const often = (world: World, everyMs: number, endMs: number, happening: () => void): void => {
  const next = (): void =>
    world.after(-Math.log(1 - world.random()) * everyMs, () => {
      if (world.now() > endMs) return
      happening()
      next()
    })
  next()
}

/** All that may look like a silence and is none. */
const ordinaryLife = (world: World, endMs: number): void => {
  const { random } = world
  often(world, 3 * hour, endMs, () => world.write({ isNotice: true }))
  often(world, 4 * hour, endMs, () => world.write({ isHistory: true }))
  often(world, 6 * hour, endMs, () =>
    world.writeCiphertext(random() < 0.3 ? 40 * day : random() * 2 * hour)
  )
  // the page or this process is busy
  often(world, 5 * hour, endMs, () => world.write({ toldAfterMs: random() * 9 * second }))
  // the journal cannot be written for a while
  often(world, 8 * hour, endMs, () => world.write({ journalAfterMs: random() * 10 * minute }))
  often(world, 7 * hour, endMs, () => world.remove(Math.floor(random() * 40)))
  often(world, 12 * hour, endMs, world.erase)
  often(world, 20 * hour, endMs, () => world.setClock((random() < 0.5 ? -1 : 1) * 86_400))
  often(world, 5 * hour, endMs, world.reconnect)
  often(world, 9 * hour, endMs, () => world.restart(Math.floor(random() * 30)))
}

for (const [account, everyMs] of [
  ['gets nothing for days', 3 * day],
  ['is quiet', 5 * hour],
  ['is as usual', 10 * minute],
  ['is busy', 20 * second]
] as const) {
  t.test(`a week without an alarm: an account that ${account}`, async (t) => {
    for (const seed of everyMs < minute ? [1] : [1, 2, 3, 4, 5]) {
      const world = createWorld(seed)
      often(world, everyMs, 7 * day, () => world.write())
      often(world, day, 7 * day, () => {
        for (let count = 0; count < 200; count += 1) world.write()
      })
      ordinaryLife(world, 7 * day)
      await world.run(7 * day)
      t.same(world.steps, [], `seed ${seed}`)
    }
  })
}

for (const cure of ['re-inject', 'reload', 'restart'] as const) {
  t.test(
    `a silence that ends by ${cure} is noticed with the first message, and costs a minute or so at most`,
    async (t) => {
      const expected = ['re-inject', 'reload', 'restart'].slice(
        0,
        ['re-inject', 'reload', 'restart'].indexOf(cure) + 1
      )
      for (let seed = 1; seed <= 10; seed += 1) {
        const world = createWorld(seed)
        often(world, 2 * minute, 30 * hour, () => world.write())
        await world.run((20 + world.random()) * hour)
        world.stall(cure)
        await world.run(5 * hour)
        t.same(
          world.steps.flatMap(({ step }) => (step === 'read-back' ? [] : [step])),
          expected,
          `seed ${seed}: the gentlest first, and no more than it takes`
        )
        t.ok(
          (world.steps.find(({ step }) => step === 're-inject') as { at: number }).at -
            (world.firstSilentAt() as number) <=
            30 * second,
          'noticed within 30 s'
        )
        t.ok(
          Math.max(...world.delays()) <= 90 * second,
          'nothing waited longer, be it one that came while a step was taken'
        )
        t.equal(world.wrong(), undefined, 'it is over')
        t.equal(world.lines.of('stall_over').length, 1)
      }
    }
  )
}

t.test(
  'a silence that nothing ends: everything is read back, and the steps become rare and loud',
  async (t) => {
    const world = createWorld(7)
    often(world, 2 * minute, 7 * day, () => world.write())
    world.stall(undefined)
    await world.run(7 * day)
    const taken = world.steps.filter(({ step }) => step !== 'read-back')
    t.ok(
      taken.length > 3 * 24 && taken.length <= 3 * (7 * 24 + 3),
      `${taken.length} steps in a week`
    )
    t.same(
      taken.slice(0, 6).map(({ step }) => step),
      ['re-inject', 'reload', 'restart', 're-inject', 'reload', 'restart']
    )
    t.ok(
      Math.max(...world.delays()) <= 90 * second,
      `nothing waited longer than ${Math.max(...world.delays()) / second} s`
    )
    t.same(
      world.lines
        .of('stall_unhealed')
        .slice(0, 4)
        .map(({ level, retry_ms }) => [level, retry_ms]),
      [
        ['warn', 5 * minute],
        ['warn', 20 * minute],
        ['error', hour],
        ['error', hour]
      ]
    )
    t.match(world.wrong(), /messages reach the page/)
  }
)

t.test('what is judged', (t) => {
  const grace = { looks: 3, ms: 15 * second }
  /**
   * Looks at a page 5 s apart, after others showed what was there. @returns what was done, and the
   * state after
   */
  const looks = (
    shown: { id: string; t: number; isNew: boolean }[],
    options: {
      times?: number
      told?: string[]
      between?: StallEvent[]
      from?: Stall
      at?: number
    } = {}
  ) => {
    const { times = 5, told = [], between = [], from = initialStall, at = 0 } = options
    const effects: StallEffect[] = []
    let [stall, now] = [from, at]
    const happens = (event: StallEvent): void => {
      const judged = judge(stall, event, now, grace)
      stall = judged.stall
      effects.push(...judged.effects)
    }
    const look = (newest: typeof shown): void =>
      happens({
        type: 'look',
        newest,
        arrival: (id) => (told.includes(id) ? 'told' : undefined),
        wall: 2_000
      })
    if (from === initialStall) look([{ id: 'old', t: 1_000, isNew: false }])
    for (let count = 0; count < times; count += 1) {
      now += 5 * second
      look(shown)
      if (count === 0) between.forEach(happens)
    }
    return { effects, stall, now }
  }
  const fresh = { id: 'A', t: 1_001, isNew: true }
  const alarm = [
    { do: 'read-back', messages: 1 },
    { do: 'step', step: 're-inject', messages: 1 }
  ]

  t.same(looks([fresh]).effects, alarm, 'a message that nobody is told of')
  t.same(looks([fresh], { times: 2 }).effects, [], 'not before its time')
  t.same(looks([fresh], { told: ['A'] }).effects, [])
  t.same(looks([{ ...fresh, isNew: false }]).effects, [], 'one that nobody has to be told of')
  t.same(
    looks([{ ...fresh, t: 999 }]).effects,
    [],
    'one that was there before anybody listened, though not shown'
  )
  const hostile = judge(
    initialStall,
    {
      type: 'look',
      newest: [{ id: 'future', t: 9e12, isNew: true }],
      arrival: () => undefined,
      wall: 2_000
    },
    0,
    grace
  ).stall
  t.equal(hostile.floor, 2_000 + 30 * 86_400, 'one from the far future hides no others for long')

  const late = looks([fresh], { times: 1 })
  const heard = judge(late.stall, { type: 'heard' }, late.now + 1, grace)
  t.same(
    looks([fresh], { from: heard.stall, at: late.now + 1 }).effects,
    [{ do: 'read-back', messages: 1 }],
    'passed over while others are told of: read back, no step'
  )

  const failed = looks([fresh])
  t.same(
    judge(failed.stall, { type: 'failed' }, failed.now, grace).effects,
    [{ do: 'step', step: 'reload', messages: 0 }],
    'a step that cannot be taken is followed by the next'
  )

  const again = judge(
    failed.stall,
    { type: 'attached', page: 'same again' },
    failed.now,
    grace
  ).stall
  const good = judge(again, { type: 'heard' }, failed.now + 1, grace)
  t.same(good.effects, [{ do: 'recovered' }])
  const based = judge(
    good.stall,
    { type: 'look', newest: [fresh], arrival: () => undefined, wall: 2_000 },
    failed.now + 2 * hour,
    grace
  ).stall
  t.match(
    based,
    { step: 0, rounds: 0, reinjected: true },
    'after a good hour the steps are forgotten'
  )
  t.same(
    looks([{ id: 'B', t: 1_002, isNew: true }], { from: based, at: failed.now + 2 * hour }).effects,
    [
      { do: 'read-back', messages: 1 },
      { do: 'step', step: 'reload', messages: 1 }
    ],
    'but no page is listened to three times over'
  )
  t.equal(errorAfterRounds, 3)
  t.end()
})

t.test(
  'messages without a model are read back, and no step is taken for them, however many there are',
  async (t) => {
    const grace = { looks: 3, ms: 2_000 }
    const effects: StallEffect[] = []
    let stall: Stall = initialStall
    const arrived = new Set<string>()
    const newest = [{ id: 'before', t: 1, isNew: true }]
    const look = (now: number): void => {
      const event: StallEvent = {
        type: 'look',
        newest: newest.slice(-15),
        arrival: (id) => (arrived.has(id) ? 'read back' : undefined),
        wall: 10
      }
      const judged = judge(stall, event, now, grace)
      stall = judged.stall
      effects.push(...judged.effects)
      if (judged.effects.some((effect) => effect.do === 'read-back'))
        for (const { id } of newest) arrived.add(id)
    }
    arrived.add('before')
    for (let n = 0; n < 60; n += 1) {
      if (n > 0 && n % 4 === 0)
        newest.push({
          id: `odd ${n}`,
          t: n,
          isNew: true,
          isUnreadable: true
        } as (typeof newest)[number])
      look(n * 5_000)
    }
    t.ok(effects.length > 5)
    t.same(
      effects.filter((effect) => effect.do !== 'read-back'),
      [],
      'Chromium is not started again because of one bad chat'
    )

    for (let n = 0; n < 4; n += 1) {
      if (n === 0) newest.push({ id: 'plain', t: 100, isNew: true })
      look(400_000 + n * 5_000)
    }
    t.match(
      effects.filter((effect) => effect.do === 'step'),
      [{ step: 're-inject', messages: 1 }],
      'a message that has a model still counts'
    )
  }
)
