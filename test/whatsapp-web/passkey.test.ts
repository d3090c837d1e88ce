import { once } from 'node:events'
import t from 'tap'
import { startClient, startReadyClient, type Page } from './client.ts'
import type { WhatsAppWeb } from './server.ts'

/**
 * Linking by passkey and the integrity checkpoint, with Chromium's virtual authenticator in the
 * page itself.
 */

t.setTimeout(900_000)

const addAuthenticator = async (
  page: Page,
  web: WhatsAppWeb,
  isUserVerified = true
): Promise<void> => {
  const session = await page.createCDPSession()
  await session.send('WebAuthn.enable')
  const { authenticatorId } = await session.send('WebAuthn.addVirtualAuthenticator', {
    options: {
      protocol: 'ctap2',
      transport: 'internal',
      hasResidentKey: true,
      hasUserVerification: true,
      isUserVerified,
      automaticPresenceSimulation: true
    }
  })
  await session.send('WebAuthn.addCredential', {
    authenticatorId,
    credential: {
      credentialId: Buffer.from(web.passkey.credentialId, 'base64url').toString('base64'),
      isResidentCredential: true,
      rpId: 'whatsapp.com',
      privateKey: web.passkey.privateKey,
      userHandle: Buffer.from('owner').toString('base64'),
      signCount: 0
    }
  })
}
const call = <T>(page: Page, module: string, name: string): Promise<T> =>
  page.evaluate(
    (id, verb) =>
      (globalThis as unknown as { require: (id: string) => Record<string, () => T> })
        .require(id)
        [verb]?.() as T,
    module,
    name
  )

const prompt = '[data-testid="shortcake_passkey_prompt_card"] button'
const matching = '[data-testid="shortcake_code_matching"] button'

t.test('a scan is followed by the passkey, the code and the link', async (t) => {
  const { web, page } = await startClient(t, { scenario: { web: '2026-07' } })
  await addAuthenticator(page, web)
  await t.rejects(
    call(page, 'WAWebShortcakeLinkingApi', 'getShortcakeLinkingStage'),
    /Requiring unknown module/,
    'its modules are loaded when they are needed'
  )

  await web.scanWithPasskey()
  await page.waitForSelector(prompt)
  t.equal(await call(page, 'WAWebAltDeviceLinkingApi', 'getPairingType'), 'SHORTCAKE_PASSKEY')
  t.equal(await call(page, 'WAWebShortcakeLinkingApi', 'getShortcakeLinkingStage'), 'NotStarted')
  await page.click(prompt)
  await page.waitForSelector(matching)
  t.equal(
    await call(page, 'WAWebShortcakeLinkingApi', 'getVerificationCode'),
    web.verificationCode()
  )
  t.match(web.verificationCode(), /^[1-9A-Z]{4}-[1-9A-Z]{4}$/)
  t.equal(web.linkedDevices(), 0)
  await page.click(matching)
  await web.synced()

  t.equal(web.linkedDevices(), 1)
  t.same(web.passkeyFaults(), [])
  const sent = web
    .stanzas()
    .flatMap(({ xmlns, type, children }) =>
      xmlns === 'md' ? [`${type} ${children[0]?.split('/')[0]}`] : []
    )
  t.same(sent, [
    'get ref',
    'set passkey_prologue',
    'set companion_nonce',
    'set encrypted_pairing_request'
  ])
})

t.test(
  'an answer without a check of who uses the passkey is refused, and another may be given',
  async (t) => {
    const { web, page } = await startClient(t, { scenario: { web: '2026-07' } })
    await web.scanWithPasskey()
    await page.waitForSelector(prompt)
    const kinds = (): string[] => web.stanzas().map(({ children }) => children[0] ?? '')

    // An answer that was signed for another challenge.
    await page.evaluate((id) => {
      const bytes = (text: string): ArrayBuffer =>
        new TextEncoder().encode(text).buffer as ArrayBuffer
      const clientDataJSON = bytes(
        JSON.stringify({ type: 'webauthn.get', challenge: 'AAAA', origin: 'https://example.com' })
      )
      const response = {
        clientDataJSON,
        authenticatorData: new ArrayBuffer(37),
        signature: bytes('none'),
        userHandle: null
      }
      const rawId = Uint8Array.from(atob(id), (letter) => letter.charCodeAt(0)).buffer
      const scope = globalThis as unknown as { navigator: { credentials: object } }
      Object.defineProperty(scope.navigator.credentials, 'get', {
        configurable: true,
        value: async () => ({ id, rawId, type: 'public-key', response })
      })
    }, Buffer.from(web.passkey.credentialId, 'base64url').toString('base64'))
    await page.click(prompt)
    await web.until('the answer to be refused', () => web.passkeyFaults().length > 0)

    t.same(web.passkeyFaults(), [
      'the challenge is another',
      'the origin is https://example.com',
      'the site is another',
      'nobody was there',
      'it was not checked who was there',
      'the signature is wrong'
    ])
    t.notOk(kinds().includes('companion_nonce'))
    t.equal(await call(page, 'WAWebShortcakeLinkingApi', 'getShortcakeLinkingStage'), 'NotStarted')
    t.equal(web.linkedDevices(), 0)
  }
)

t.test(
  'the integrity checkpoint asks once its button is pressed, comes back after a reload, and ends with the answer',
  async (t) => {
    const { client, web, page } = await startReadyClient(t, { scenario: { web: '2026-04' } })
    web.checkpoint()
    await page.waitForSelector('#checkpoint button')
    t.ok(web.isConnected(), 'the session is connected behind it')
    const readyAgain = once(client, 'ready')
    await page.reload()
    await readyAgain
    await page.waitForSelector('#checkpoint button')

    await addAuthenticator(page, web)
    web.checkpoint(true)
    await page.waitForSelector('#checkpoint', { hidden: true })
    t.same(web.passkeyFaults(), [])
  }
)
