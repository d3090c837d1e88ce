import t from 'tap'
import { accessible, focused, inPage, pageTests, see, signIn } from './page.ts'
import { startRig } from './rig.ts'

const pageTest = pageTests(t)

pageTest(
  'signing in: a wrong token is told, the right one stays over a reload, and signing out ends it',
  async (t, open) => {
    const { url } = await startRig(t)
    const page = await open(url)
    await page.waitForSelector('#username')
    t.equal(await focused(page), 'username')
    await accessible(t, page, 'sign-in')
    await signIn(page, 'certainly-not-the-token-0123456789-abc')
    await see(page, 'That is not the access token.', '[role=alert]')
    await accessible(t, page, 'sign-in refused')
    await signIn(page)
    await see(page, 'No leads yet. Whoever writes to your WhatsApp appears here at once.')
    await accessible(t, page, 'empty inbox')
    t.equal(await inPage(page, 'document.cookie'), '', 'scripts cannot read the cookie')
    await page.reload()
    await page.waitForSelector('#app')
    await page.goto(`${url}/#/lead/999`)
    await see(page, 'there is no lead 999')
    await accessible(t, page, 'a lead that is not there')
    await page.click('#sign-out')
    await page.waitForSelector('#sign-in-form')
    await page.reload()
    await page.waitForSelector('#sign-in-form')
  }
)

pageTest(
  'all tabs of a browser share one stream of events, and sign out together',
  async (t, open) => {
    const { url } = await startRig(t)
    const first = await open(url)
    await signIn(first)
    await first.waitForSelector('#app')
    const second = await first.context().newPage()
    await second.goto(url)
    await second.waitForSelector('#app')
    for (const page of [first, second])
      t.notMatch(
        await inPage(page, "performance.getEntriesByType('resource').map(({ name }) => name)"),
        /api\/events/,
        'no tab has a stream of its own'
      )
    await second.click('#sign-out')
    await first.waitForSelector('#sign-in-form')
    await signIn(first)
    await second.waitForSelector('#app')
  }
)
