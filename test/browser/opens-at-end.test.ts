import t from 'tap'
import type { Page } from 'playwright-core'
import { ana } from './ana.ts'
import { inPage, openLead, pageTests, see, signIn, until, type Open } from './page.ts'
import { storePhoto } from './picture.ts'
import { from, startRig, type Rig } from './rig.ts'
import type { Test } from 'tap'

const pageTest = pageTests(t)
const beto = '5215522222222'
type NewRecord = ReturnType<typeof from>

/**
 * A connection that takes 400 ms for each request and gives 4 Mbit/s, as Chromium plays it. Nothing
 * is kept in its cache.
 */
const throttle = async (page: Page): Promise<void> => {
  const session = await page.context().newCDPSession(page)
  await session.send('Network.enable')
  await session.send('Network.setCacheDisabled', { cacheDisabled: true })
  await session.send('Network.emulateNetworkConditions', {
    offline: false,
    latency: 400,
    downloadThroughput: 500_000,
    uploadThroughput: 500_000
  })
}

/** Photos, each of another height; the first is `ago` seconds old. */
const photos = (rig: Rig, count: number, ago: number): NewRecord[] =>
  Array.from({ length: count }, (_, n) => {
    const media = storePhoto(rig.upstream.mediaDirectory, 300, 150 + (n % 5) * 70)
    return from(ana, `photo ${n}`, ago - n, { name: 'Ana', type: 'image', has_media: true, media })
  })
const texts = (count: number, ago: number): NewRecord[] =>
  Array.from({ length: count }, (_, n) => from(ana, `text ${n}`, ago - n, { name: 'Ana' }))

const withMessages = async (
  t: Test,
  open: Open,
  of: (rig: Rig) => NewRecord[]
): Promise<{ rig: Rig; page: Page }> => {
  const rig = await startRig(t)
  rig.upstream.journal.append([...of(rig), from(beto, 'hello', 10, { name: 'Beto' })], 'live')
  const page = await open(rig.url)
  await signIn(page)
  await see(page, 'Beto', '.row .name')
  return { rig, page }
}

/** How far the end is below what is seen, px. */
const below = (page: Page): Promise<number> =>
  inPage(
    page,
    "(({ scrollHeight, scrollTop, clientHeight }) => Math.round(scrollHeight - scrollTop - clientHeight))(document.querySelector('#messages'))"
  )

/** Waits until the photos in sight are there, and two frames more. */
const settled = async (page: Page): Promise<void> => {
  await until(
    page,
    `((seen) => seen.length > 0 && seen.every(({ complete, naturalWidth }) => complete && naturalWidth > 0))(
    [...document.querySelectorAll('#messages img.picture')].filter((image) => {
      const { bottom, top } = image.getBoundingClientRect()
      return bottom > document.querySelector('#messages').getBoundingClientRect().top && top < innerHeight
    }))`
  )
  await inPage(
    page,
    'new Promise((resolve) => requestAnimationFrame(() => requestAnimationFrame(resolve)))'
  )
}

/** How far below the edge the message with this text is, px. */
const placeOf = (page: Page, text: string): Promise<number> =>
  inPage(
    page,
    `Math.round([...document.querySelectorAll('.message')].find((message) => message.querySelector('.body')?.textContent === ${JSON.stringify(text)})?.getBoundingClientRect().top ?? -9999)`
  )

/** The text of the first message that is wholly in sight. */
const firstSeen = (page: Page): Promise<string> =>
  inPage(
    page,
    `((top) => [...document.querySelectorAll('.message')].find((message) => message.getBoundingClientRect().top >= top).querySelector('.body').textContent)(
    document.querySelector('#messages').getBoundingClientRect().top)`
  )

/** Scrolls as a person does, by the wheel; px, upwards when negative. */
const wheel = async (page: Page, by: number): Promise<void> => {
  await page.hover('#messages')
  const before = await inPage<number>(page, "document.querySelector('#messages').scrollTop")
  await page.mouse.wheel(0, by)
  await until(page, `document.querySelector('#messages').scrollTop !== ${before}`)
  await inPage(
    page,
    'new Promise((resolve) => requestAnimationFrame(() => requestAnimationFrame(resolve)))'
  )
}

pageTest(
  'a conversation with photos opens at its end 22 times out of 22, over a slow connection',
  async (t, open) => {
    const { page } = await withMessages(t, open, (rig) => photos(rig, 14, 900))
    await throttle(page)

    const left: number[] = []
    for (let opening = 0; opening < 22; opening += 1) {
      await openLead(page, 'Ana')
      await settled(page)
      left.push(await below(page))
      await openLead(page, 'Beto')
    }

    t.comment(
      `${left.filter((px) => px < 60).length} of ${left.length} openings end at the end; px below: ${left.join(' ')}`
    )
    t.same(
      left.filter((px) => px >= 60),
      [],
      'nothing of it is below what is seen'
    )
  }
)

pageTest(
  'a message that comes stays in sight at the end, and moves nothing for who reads above',
  async (t, open) => {
    const { rig, page } = await withMessages(t, open, (rig) => [
      ...texts(60, 9_000),
      ...photos(rig, 6, 900)
    ])
    await throttle(page)
    await openLead(page, 'Ana')
    await settled(page)

    rig.upstream.journal.append(
      [...photos(rig, 1, 5), from(ana, 'at the end', 1, { name: 'Ana' })],
      'live'
    )
    await see(page, 'at the end', '.message .body')
    await settled(page)
    t.ok((await below(page)) < 60, 'the end is still in sight')

    await wheel(page, -700)
    const read = await firstSeen(page)
    const before = await placeOf(page, read)
    rig.upstream.journal.append(
      [...photos(rig, 1, 0), from(ana, 'while reading above', 0, { name: 'Ana' })],
      'live'
    )
    await until(
      page,
      "[...document.querySelectorAll('.message .body')].some(({ textContent }) => textContent === 'while reading above')"
    )
    await settled(page)
    t.ok(Math.abs((await placeOf(page, read)) - before) <= 2, 'what is read has not moved')
    t.ok((await below(page)) >= 60, 'and the end did not jump into sight')
    await see(page, /To the latest/, '#to-latest')
  }
)

pageTest(
  'what is read keeps its place while older messages and their photos come above it',
  async (t, open) => {
    const { page } = await withMessages(t, open, (rig) => [
      ...photos(rig, 40, 9_000),
      ...texts(80, 5_000)
    ])
    await openLead(page, 'Ana')
    await until(page, "document.querySelectorAll('.message').length === 50")
    await throttle(page)

    await wheel(page, -1_800)
    const read = await firstSeen(page)
    const before = await placeOf(page, read)
    await until(page, "document.querySelectorAll('.message').length === 120")
    t.ok(Math.abs((await placeOf(page, read)) - before) <= 2, 'older messages came above it')

    await inPage(
      page,
      "document.querySelectorAll('#messages img.picture').forEach((image) => image.setAttribute('loading', 'eager'))"
    )
    await until(
      page,
      "[...document.querySelectorAll('#messages img.picture')].every(({ complete, naturalWidth }) => complete && naturalWidth > 0)"
    )
    t.ok(Math.abs((await placeOf(page, read)) - before) <= 2, 'their photos took their room')
  }
)

pageTest('who scrolls up while photos come is not thrown back to the end', async (t, open) => {
  const { page } = await withMessages(t, open, (rig) => photos(rig, 30, 900))
  await throttle(page)
  await openLead(page, 'Ana')
  await until(page, "document.querySelectorAll('.message').length === 30")

  await wheel(page, -400)
  t.ok((await below(page)) >= 300, 'right after the move')
  await settled(page)
  t.ok((await below(page)) >= 300, 'when the photos are there')
})

pageTest(
  '2,000 messages at 400 ms and 4 Mbit/s are read by one press, or by scrolling alone',
  async (t, open) => {
    const { page } = await withMessages(t, open, () => texts(2_000, 90_000))
    await throttle(page)
    let requests = 0
    page.on('request', (request) => {
      if (request.url().includes('/messages')) requests += 1
    })
    const read = async (how: string, run: () => Promise<void>): Promise<void> => {
      requests = 0
      await openLead(page, 'Ana')
      await until(page, "document.querySelectorAll('.message').length >= 50")
      const start = performance.now()
      await run()
      await until(page, "document.querySelectorAll('.message').length === 2000")
      t.comment(
        `${how}: ${requests} requests, ${((performance.now() - start) / 1_000).toFixed(1)} s`
      )
      t.ok(requests <= 12, `${how}: few requests`)
      await openLead(page, 'Beto')
    }

    await read('one press of Home', async () => {
      await page.focus('#messages')
      await page.keyboard.press('Home')
      await see(page, 'text 0', '.message .body')
      await until(page, "document.activeElement.textContent.includes('text 0')")
    })
    await read('no press, by the wheel', async () => {
      await page.hover('#messages')
      for (let turns = 0; turns < 400; turns += 1) {
        await page.mouse.wheel(0, -3_000)
        if (await inPage(page, "document.querySelectorAll('.message').length === 2000")) return
      }
    })
    await read('by keyboard, PageUp', async () => {
      await page.focus('#messages')
      for (let turns = 0; turns < 600; turns += 1) {
        await page.keyboard.press('PageUp')
        if (await inPage(page, "document.querySelectorAll('.message').length === 2000")) return
      }
    })
  }
)
