import { chromium, type Page } from 'playwright-core'
import type { Test } from 'tap'
import type { WhatsAppWeb } from '../whatsapp-web/server.ts'

/**
 * The operator's own browser: a second real Chromium, with the account's passkey in a virtual
 * authenticator, on a page of https://web.whatsapp.com that is no WhatsApp Web. It runs the script
 * as a person does in the developer tools.
 */
export interface OperatorBrowser {
  /** Runs the script, presses its button and copies the answer. */
  answer(script: string): Promise<string>
  /** What the box of the script says after its button was pressed, when there is no answer. */
  refusal(script: string): Promise<string>
  goTo(url: string): Promise<void>
}

const addPasskey = async (
  page: Page,
  { passkey }: WhatsAppWeb,
  isVerified: boolean
): Promise<(expression: string) => Promise<unknown>> => {
  const session = await page.context().newCDPSession(page)
  await session.send('WebAuthn.enable')
  const { authenticatorId } = await session.send('WebAuthn.addVirtualAuthenticator', {
    options: {
      protocol: 'ctap2',
      transport: 'internal',
      hasResidentKey: true,
      hasUserVerification: true,
      isUserVerified: isVerified,
      automaticPresenceSimulation: true
    }
  })
  await session.send('WebAuthn.addCredential', {
    authenticatorId,
    credential: {
      credentialId: Buffer.from(passkey.credentialId, 'base64url').toString('base64'),
      isResidentCredential: true,
      rpId: 'whatsapp.com',
      privateKey: passkey.privateKey,
      userHandle: Buffer.from('owner').toString('base64'),
      signCount: 0
    }
  })
  return (expression) => session.send('Runtime.evaluate', { expression })
}

/** @param isVerified whether the person passes the check of the fingerprint */
export const openOperatorBrowser = async (
  t: Test,
  web: WhatsAppWeb,
  isVerified = true
): Promise<OperatorBrowser> => {
  const browser = await chromium.launch({
    executablePath: web.chromiumPath,
    chromiumSandbox: true,
    env: { PATH: '/usr/bin:/bin', HOME: t.testdir() }
  })
  t.teardown(() => browser.close())
  const page = await browser.newPage()
  await page.goto('https://web.whatsapp.com/help')
  const evaluate = await addPasskey(page, web, isVerified)
  const press = async (script: string): Promise<void> => {
    await evaluate(script)
    await page.click('#leadmaster-passkey button:first-of-type')
  }
  return {
    answer: async (script) => {
      await press(script)
      const text = page.locator('#leadmaster-passkey textarea')
      await text.waitFor({ state: 'visible' })
      return text.inputValue()
    },
    refusal: async (script) => {
      await press(script)
      const note = page.locator('#leadmaster-passkey p', { hasText: 'No passkey was used' })
      await note.waitFor()
      return (await note.textContent()) ?? ''
    },
    goTo: async (url) => void (await page.goto(url))
  }
}
