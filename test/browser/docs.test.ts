import t from 'tap'
import { centralHubEnv, freePort, startDaemon } from '../end-to-end/daemon.ts'
import { ownDirectory } from '../platform/own-directory.ts'
import { accessible, focused, inPage, pageTests, until } from './page.ts'

const test = pageTests(t)
let url = ''
t.before(async () => {
  const hub = startDaemon(
    'central-hub',
    centralHubEnv({
      port: await freePort(),
      stateDir: ownDirectory(t),
      sessionManager: 'http://127.0.0.1:9'
    })
  )
  t.teardown(() => hub.end('SIGKILL'))
  await hub.seen('listening')
  url = hub.url
})

for (const dark of [false, true]) {
  for (const width of [360, 1280]) {
    test(`the reference is readable: ${width} px, ${dark ? 'dark' : 'light'}`, async (t, open) => {
      const page = await open(`${url}/docs`, { width, dark })
      t.match(await page.title(), /LeadMaster API/)
      await accessible(t, page, 'as it opens')
      t.not(
        await inPage<string>(page, 'getComputedStyle(document.body).backgroundColor'),
        'rgba(0, 0, 0, 0)',
        'its style is there'
      )
      await inPage(
        page,
        'for (const details of document.querySelectorAll("details")) details.open = true'
      )
      await accessible(t, page, 'with every example open')
    })
  }
}

test('a problem is looked up by its anchor, and everything is reached by keyboard', async (t, open) => {
  const page = await open(`${url}/docs#problem-not-found`)
  await until(
    page,
    '(({ top }) => top >= 0 && top < innerHeight)(document.querySelector("#problem-not-found").getBoundingClientRect())'
  )
  await page.goto(`${url}/docs`)
  await page.keyboard.press('Tab')
  t.equal(await focused(page), 'Skip to the reference')
  await page.keyboard.press('Enter')
  t.equal(await focused(page), 'content')
  await page.keyboard.press('Tab')
  t.ok(
    await inPage(
      page,
      'document.activeElement.closest("#content") !== null && document.activeElement !== document.querySelector("#content")'
    )
  )
  await page.locator('section[aria-labelledby=patchLead] summary').focus()
  await page.keyboard.press('Enter')
  await until(page, 'document.querySelector("section[aria-labelledby=patchLead] details").open')
})
