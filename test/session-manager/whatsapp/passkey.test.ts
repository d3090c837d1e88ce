import { setTimeout as delay } from 'node:timers/promises'
import t, { type Test } from 'tap'
import type { Page } from '../../../src/session-manager/whatsapp/browser.ts'
import type { ListenerEvent } from '../../../src/session-manager/whatsapp/client-events.ts'
import { PasskeyRelay, type PasskeyTimes } from '../../../src/session-manager/whatsapp/passkey.ts'
import { logLines } from '../../platform/log-lines.ts'
import { answerTo } from '../session/passkey-answers.ts'
import { inPage } from './in-page.ts'

/**
 * The relay over a page that a test plays; the whole way in Chromium is
 * test/end-to-end/session-passkey.test.ts.
 */

/** Runs in the page: WhatsApp Web's own modules, as far as the relay asks for them. */
const playModules = (): void => {
  const scope = globalThis as unknown as Record<string, unknown> & {
    credentials: { get: (query: object) => Promise<unknown> }
  }
  const listeners = new Map<string, (reason?: string) => void>()
  const state = {
    type: 'QR_CODE',
    stage: 'NotStarted',
    code: null as string | null,
    starts: 0,
    settled: [] as unknown[]
  }
  const bytes = (length: number): ArrayBuffer =>
    Uint8Array.from({ length }, (_, index) => index + state.starts).buffer
  const modules: Record<string, unknown> = {
    WAWebAltDeviceLinkingApi: { getPairingType: () => state.type },
    WAWebLinkDeviceEvents: {
      WAWebLinkDeviceEvents: {
        on: (name: string, listener: () => void) =>
          listeners.set(name.split(':')[1] ?? '', listener)
      }
    },
    WAWebShortcakeLinkingApi: {
      getShortcakeLinkingStage: () => state.stage,
      getVerificationCode: () => state.code
    },
    WAWebShortcakeLinkingAction: {
      startShortcakePasskeyPairing: async () => {
        state.starts += 1
        const publicKey = {
          challenge: bytes(4),
          rpId: 'whatsapp.com',
          timeout: 1,
          userVerification: 'required',
          allowCredentials: [{ type: 'public-key', id: bytes(3) }]
        }
        const note = (what: unknown): unknown => state.settled.push(what)
        try {
          const credential = (await scope.credentials.get({ publicKey })) as {
            rawId: unknown
            response: { signature: unknown }
          }
          note([
            credential.rawId instanceof ArrayBuffer,
            credential.response.signature instanceof ArrayBuffer
          ])
        } catch (error) {
          note((error as Error).name)
          throw error
        }
      },
      confirmShortcakeVerificationCode: async () =>
        void (state.stage = 'WaitingForPairingCompletion'),
      cancelShortcakePasskeyPairing: () => void (state.stage = 'NotStarted')
    },
    WAWebUserPrefsIndexedDBStorage: {
      userPrefsIdb: {
        get: () => (state.type === 'CHECKPOINT' ? { challenge_type: 'CAPTCHA' } : null)
      }
    }
  }
  class CredentialsContainer {
    get(query: object): unknown {
      return Promise.resolve(`the browser's own: ${Object.keys(query).join()}`)
    }
  }
  Object.assign(scope, {
    CredentialsContainer,
    credentials: new CredentialsContainer(),
    played: state,
    require: (name: string) => {
      if (modules[name] === undefined) throw new Error(`Requiring unknown module ${name}`)
      return modules[name]
    },
    say: (name: string, reason?: string) => listeners.get(name)?.(reason)
  })
}

const rig = async (t: Test, times: Partial<PasskeyTimes> = {}) => {
  const { world, run, page } = inPage({
    atob,
    btoa,
    DOMException,
    setTimeout,
    location: { hostname: 'web.whatsapp.com' }
  })
  run(playModules)
  const events: ListenerEvent[] = []
  const logged = logLines()
  const counts = { reloads: 0 }
  const played = Object.assign(page as unknown as Record<string, unknown>, {
    exposeFunction: async (name: string, hear: (message: unknown) => void) =>
      void (world[name] = (message: unknown) => hear(JSON.parse(JSON.stringify(message)))),
    evaluateOnNewDocument: async (fn: () => void, ...args: unknown[]) => run(fn as never, ...args),
    reload: async () => void (counts.reloads += 1)
  }) as unknown as Page
  const relay = new PasskeyRelay({
    page: () => played,
    emit: (event) => void events.push(event),
    log: logged.log,
    times: { lookMs: 5, checkpointMs: 5, ...times }
  })
  t.teardown(() => relay.stop())
  await relay.attach(played)
  const set = (facts: object): unknown => Object.assign(world['played'] as object, facts)
  const stages = (): unknown[] =>
    events.flatMap((event) => (event.type === 'passkey' ? [event.passkey?.stage] : []))
  const last = () =>
    events
      .flatMap((event) => (event.type === 'passkey' && event.passkey ? [event.passkey] : []))
      .at(-1)
  const until = async (fits: () => boolean): Promise<void> => {
    for (const end = Date.now() + 10_000; !fits(); await delay(2))
      if (Date.now() > end) throw new Error(`it stays at ${JSON.stringify(events.at(-1))}`)
  }
  const settled = (): unknown =>
    JSON.parse(JSON.stringify((world['played'] as { settled: unknown }).settled))
  return { world, run, relay, events, logged, counts, set, stages, last, until, settled }
}

t.test(
  'the page is asked to begin, its question is told, and the answer reaches it as a credential',
  async (t) => {
    const { relay, set, stages, last, until, settled } = await rig(t)
    set({ type: 'SHORTCAKE_PASSKEY' })
    await until(() => last()?.stage === 'challenge')
    t.same(last()?.request, {
      challenge: 'AQIDBA',
      rpId: 'whatsapp.com',
      timeout: 1,
      userVerification: 'required',
      allowCredentials: [{ type: 'public-key', id: 'AQID' }]
    })
    await t.rejects(relay.actions.confirm(), /no code to confirm/)

    await relay.actions.answer(answerTo(last()?.request as never))
    await t.rejects(
      relay.actions.answer(answerTo(last()?.request ?? ({ challenge: '', rpId: '' } as never))),
      /does not wait for an answer/
    )
    t.same(settled(), [[true, true]])
    set({ stage: 'WaitingForPrimaryIdentity' })
    await delay(30)
    set({ stage: 'WaitingForVerificationCodeConfirmation', code: 'ABCD-EFGH' })
    await until(() => last()?.code === 'ABCD-EFGH')
    await relay.actions.confirm()
    relay.linked()

    t.same(stages(), [
      'starting',
      'challenge',
      'waiting-for-phone',
      'waiting-for-phone',
      'code',
      'finishing'
    ])
  }
)

t.test(
  'nobody answers in time: it fails, says so, and goes back to the QR by itself',
  async (t) => {
    const { set, last, until, settled, counts } = await rig(t, { challengeMinMs: 20, restMs: 20 })
    set({ type: 'SHORTCAKE_PASSKEY' })
    await until(() => last()?.stage === 'failed')
    t.equal(last()?.failure, 'nobody answered in time: start again')
    t.same(settled(), ['NotAllowedError'])
    await until(() => counts.reloads > 0)
  }
)

t.test('a page that is loaded again has forgotten the question', async (t) => {
  const { world, set, last, until, stages } = await rig(t)
  set({ type: 'SHORTCAKE_PASSKEY' })
  await until(() => last()?.stage === 'challenge')
  set({ type: 'QR_CODE' })
  ;(world['leadmasterPasskey'] as (message: object) => void)({ type: 'document' })
  t.equal(stages().at(-1), undefined)
})

t.test(
  'WhatsApp asks again while the first question is open: the new challenge is the one that counts',
  async (t) => {
    const { run, set, last, until, settled } = await rig(t)
    set({ type: 'SHORTCAKE_PASSKEY' })
    await until(() => last()?.request?.challenge === 'AQIDBA')
    await delay(20)
    run(() =>
      (globalThis as unknown as { say: (name: string) => void }).say('passkey_prologue_request')
    )
    await until(() => last()?.request?.challenge === 'AgMEBQ')
    t.same(settled(), ['NotAllowedError'], 'the first is given up')
  }
)

t.test("WhatsApp Web's own errors get plain words, and starting again follows", async (t) => {
  const { run, relay, set, last, until } = await rig(t)
  set({ type: 'SHORTCAKE_PASSKEY' })
  await until(() => last()?.stage === 'challenge')
  for (const [reason, words] of [
    ['timeout', /phone did not go on within two minutes/],
    ['server_error', /WhatsApp refused it/]
  ] as const) {
    await relay.actions.answer(answerTo(last()?.request as never))
    set({ stage: 'WaitingForPrimaryIdentity' })
    await until(() => last()?.stage === 'waiting-for-phone')
    set({ stage: 'NotStarted' })
    run(
      (why: string) =>
        (globalThis as unknown as { say: (name: string, reason: string) => void }).say(
          'shortcake_error',
          why
        ),
      reason
    )
    await until(() => last()?.stage === 'failed')
    t.match(last()?.failure, words)
    await relay.actions.restart()
    await until(() => last()?.stage === 'challenge')
  }
})

t.test(
  'what is no passkey, or is only offered beside a form, is left to the browser',
  async (t) => {
    const { run, events } = await rig(t)
    const get = (query: object): Promise<unknown> =>
      run(
        (given: object) =>
          (
            globalThis as unknown as { credentials: { get: (query: object) => Promise<unknown> } }
          ).credentials.get(given),
        query
      )
    t.equal(await get({ password: true }), "the browser's own: password")
    t.equal(
      await get({ publicKey: {}, mediation: 'conditional' }),
      "the browser's own: publicKey,mediation"
    )
    t.same(events, [])
  }
)

t.test('a linked session that is asked is at the checkpoint: told once, and ended', async (t) => {
  const { run, relay, events, set, logged, until } = await rig(t)
  relay.linked()
  const asked = run(() =>
    (
      globalThis as unknown as { credentials: { get: (query: object) => Promise<unknown> } }
    ).credentials.get({ publicKey: { challenge: new ArrayBuffer(2), extensions: { prf: {} } } })
  )
  await t.rejects(asked as unknown as Promise<unknown>, { name: 'NotAllowedError' })
  t.match(events, [
    { type: 'limited', source: 'checkpoint', reason: /security check \(the passkey\)/ }
  ])
  await delay(30)
  t.equal(logged.of('checkpoint').length, 1)

  set({ type: 'CHECKPOINT' })
  await until(() => events.length > 1)
  t.match(events.at(-1), { type: 'limited', reason: /a captcha/ })
})
