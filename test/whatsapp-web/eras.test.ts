import { request } from 'node:https'
import t from 'tap'
import { openPage, startReadyClient, type Page } from './client.ts'
import { startWhatsAppWeb, type Era } from './server.ts'

/**
 * What differs between the WhatsApp Webs that are simulated; README.md says from which fact each
 * comes.
 */

t.setTimeout(900_000)

/** Runs text in the page; `require` is the page's. */
const inPage = <T>(page: Page, code: string): Promise<T> =>
  page.evaluate(`(async () => { ${code} })()`) as Promise<T>

const forms: Record<Era, { key: string; wid: string }> = {
  '2026-04': { key: '_serialized', wid: '_serialized' },
  '2026-07': { key: '$1', wid: '_serialized' },
  next: { key: '$7', wid: '$1' }
}

for (const [era, { key, wid }] of Object.entries(forms) as [Era, { key: string; wid: string }][]) {
  t.test(`${era}: ids`, async (t) => {
    const { web, page } = await openPage(t, { scenario: { web: era } })
    await web.scan()
    await web.synced()
    const { id } = web.phone.text({
      from: '+5215512345678',
      group: web.phone.group({ subject: 'Casas', participants: ['+5215512345678'] }),
      device: 4,
      text: 'Hola'
    })
    await web.settled()
    const found = await inPage<Record<string, unknown>>(
      page,
      `
      const { Msg } = require('WAWebCollections')
      const model = Msg.get('${id}')
      const dataError = await Msg.getMessagesById([undefined]).then(() => 'none', (error) => error.name)
      return {
        keyNames: Object.keys(model.id), keyText: String(model.id), keyField: model.id['${key}'], json: JSON.parse(JSON.stringify(model.id)).participant,
        widNames: Object.keys(model.from), widText: String(model.from), same: Msg.get(String(model.id)) === model, dataError
      }`
    )
    t.match(id, /_5215512345678:4@c\.us$/)
    t.same(found['keyNames'], ['fromMe', 'remote', 'id', 'participant', key])
    t.same([found['keyText'], found['keyField']], [id, id])
    t.equal(found['json'], '5215512345678:4@c.us', 'a Wid is text in JSON')
    t.same(found['widNames'], ['server', 'user', wid])
    t.equal(found['same'], true)
    t.equal(found['dataError'], era === '2026-04' ? 'none' : 'DataError')
  })

  t.test(`${era}: codes, logout, votes by both ways, modules`, async (t) => {
    const { web, page } = await openPage(t, {
      scenario: { web: era, qrCodes: 2, firstQrMs: 300, qrMs: 300 }
    })
    const shown = (): Promise<string> =>
      inPage(page, `return document.getElementById('qr').dataset.ref ?? ''`)
    await web.qr()
    await page.waitForFunction(`document.getElementById('qr').dataset.ref`)
    t.match(
      await shown(),
      era === '2026-04'
        ? /^2@/
        : /^https:\/\/wa\.me\/settings\/linked_devices#2@[^,]+,[^,]+,[^,]+,[^,]+,1$/
    )
    await web.until('the codes to end', () => web.shownQr() === undefined)
    const has = await inPage<Record<string, string>>(
      page,
      `
      const kind = (read) => { try { return typeof read() } catch (error) { return error.message.split(':')[0] } }
      return {
        refreshQR: kind(() => require('WAWebCmd').Cmd.refreshQR), utils: kind(() => require('WAWebLaunchSocketUtils').refreshQR),
        bus: kind(() => require('WAWebBackendEventBus').BackendEventBus.triggerRefreshQR),
        reactions: kind(() => require('WAWebAddonReactionTableMode')), votes: kind(() => require('WAWebDBPollsUpsertVotes'))
      }`
    )
    t.equal(has['refreshQR'], era === '2026-04' ? 'function' : 'undefined')
    t.equal(has['bus'], 'function')
    t.equal(
      has['utils'],
      era === 'next'
        ? 'Requiring module "WAWebLaunchSocketUtils" with unresolved dependencies'
        : 'function'
    )
    t.equal(
      has['reactions'],
      era === 'next' ? 'Requiring unknown module "WAWebAddonReactionTableMode"' : 'object'
    )
    await inPage(page, `require('WAWebBackendEventBus').BackendEventBus.triggerRefreshQR()`)
    await web.scan()
    await web.synced()

    for (const votes of ['addon', 'direct'] as const) {
      web.scenario.votes = votes
      await page.reload()
      await web.connected()
      await web.synced()
      const poll = web.phone.poll({
        from: '+5215512345678',
        question: 'When?',
        options: ['now', 'later']
      })
      web.phone.vote({ from: '+5215512345678', poll: poll.id, options: ['later'] })
      await web.until(`a vote by ${votes}`, () => web.storedVotes() === 1)
    }
    const navigated = page.waitForNavigation()
    web.logout()
    await navigated
    t.match(page.url(), era === '2026-04' ? /post_logout=1/ : /^https:\/\/web\.whatsapp\.com\/$/)
    const again = page.waitForNavigation()
    await web.scan()
    await web.synced()
    web.logout('account_locked')
    await again
    t.match(page.url(), era === '2026-04' ? /post_logout=1/ : /\/\?logout_reason=3$/)
  })
}

t.test('a browser that says it is headless gets another page since July', async (t) => {
  const web = await startWhatsAppWeb({ directory: t.testdir(), scenario: { web: '2026-07' } })
  t.teardown(() => web.close())
  const pageFor = (agent: string): Promise<string> =>
    new Promise((resolve, reject) => {
      request(
        {
          host: '127.0.0.1',
          port: web.port,
          path: '/',
          rejectUnauthorized: false,
          headers: { 'user-agent': agent }
        },
        (res) => {
          let text = ''
          res.on('data', (part) => void (text += part)).on('end', () => resolve(text))
        }
      )
        .on('error', reject)
        .end()
    })
  t.match(
    await pageFor('Mozilla/5.0 HeadlessChrome/140.0.0.0'),
    /WhatsApp works with Google Chrome/
  )
  t.match(await pageFor('Mozilla/5.0 Chrome/140.0.0.0'), /loader\.js/)
})

t.test(
  'a word that this build renamed has its new name for everybody, and the page works',
  async (t) => {
    const { web, page } = await startReadyClient(t, {
      scenario: { renamed: { loadEarlierMsgs: 'loadOlderMsgs' } }
    })
    const { chat } = web.phone.text({ from: '+5215512345678', text: 'Hola' })
    await web.settled()
    t.same(
      await inPage(
        page,
        `
    const module = require('WAWebChatLoadMessages')
    const loaded = await module.loadOlderMsgs({ chat: require('WAWebCollections').Chat.get('${chat}') })
    return [typeof module.loadEarlierMsgs, loaded.length]`
      ),
      ['undefined', 0]
    )
  }
)

t.test(
  'what is missing is missing to those outside, or to all; the map of modules has it under another name',
  async (t) => {
    const { page } = await openPage(t, {
      scenario: { missing: ['WAWebMexRelay', 'WAWebWidToJid', 'WAWebJidToWid.userJidToUserWid'] }
    })
    t.same(
      await inPage(
        page,
        `
    const kind = (read) => { try { return typeof read() } catch (error) { return error.message } }
    const { modulesMap } = require('__debug')
    return [kind(() => require('WAWebWidToJid')), kind(() => require('WAWebJidToWid').userJidToUserWid), 'WAWebWidToJid' in modulesMap, kind(() => require('WAWebWidToJidMoved').widToUserJid)]`
      ),
      ['Requiring unknown module "WAWebWidToJid"', 'undefined', false, 'function']
    )
  }
)
