import type { Client, Passkey } from '../../client/index.ts'
import { LeadMasterError } from '../../client/index.ts'
import { reasonOf } from '../../platform/harmless.ts'
import { clean, paint, span } from '../text.ts'

/** Guides a person through linking by the account's passkey. */

type Open = Extract<Passkey, { status: 'PASSKEY_REQUIRED' }>

const notInteractive =
  'Nothing can be typed in here: run leadmaster qr in a terminal, or use the operator page.\n'

interface PasskeyGuideOptions {
  hub: Client
  account: string | undefined
  signal: AbortSignal
  say: (text: string) => void
  note: (text: string) => void
  /** Asks for a line; undefined when nobody can type. */
  ask: (question: string, signal: AbortSignal) => Promise<string | undefined>
}

const left = ({ expires_at: at }: Open): string =>
  at === undefined ? '' : `There are ${span(Date.parse(at) - Date.now())} left. `

const challengeWords = (open: Open): string => `
${paint('bold', 'WhatsApp asks for the passkey of the account (fingerprint, face or PIN).')}
LeadMaster cannot use it; a browser of yours can. ${left(open)}Three steps:

1. On a computer on which you can use the passkey, open https://web.whatsapp.com in a browser. \
You need not sign in.
2. Press F12 there, choose Console, paste the line between the marks, and press Enter.
   (Some browsers first want you to type: allow pasting)

-----
${open.script ?? ''}
-----

3. Press "Use passkey" in the box that appears, copy the answer, and paste it here.
`

const codeWords = (open: Open): string => `
${paint('bold', clean(open.code ?? ''))}

Compare it with the code that WhatsApp shows on the phone. ${left(open)}
`

export class PasskeyGuide {
  readonly #options: PasskeyGuideOptions
  /** The stage, challenge and code that were shown last. */
  #shown = ''
  #question = new AbortController()

  constructor(options: PasskeyGuideOptions) {
    this.#options = options
  }

  /** Shows the stage if it changed. It is called for each event of the session. */
  async update(): Promise<void> {
    const { hub, account, signal } = this.#options
    const state = await (account === undefined
      ? hub.getPasskey({}, { signal })
      : hub.getAccountPasskey({ account }, { signal }))
    if (state.status === 'NO_PASSKEY') return this.end()
    const shown = [state.stage, state.request?.challenge, state.code, state.reason].join(' ')
    if (shown === this.#shown) return
    this.end()
    this.#shown = shown
    this.#show(state)
  }

  /** Cancels the open question. */
  end(): void {
    this.#shown = ''
    this.#question.abort()
    this.#question = new AbortController()
  }

  #show(open: Open): void {
    const { say, note } = this.#options
    switch (open.stage) {
      case 'starting':
        return note('WhatsApp asks for the passkey of the account. Its challenge is on its way.\n')
      case 'challenge':
        say(challengeWords(open))
        return this.#run(() => this.#askAnswer())
      case 'waiting-for-phone':
        return note('The passkey has answered. Open WhatsApp on the phone and do what it asks.\n')
      case 'code':
        say(codeWords(open))
        return this.#run(() => this.#askCode())
      case 'finishing':
        return note('The code is confirmed. WhatsApp links the device.\n')
      case 'failed':
        say(`\nLinking by the passkey failed: ${clean(open.reason ?? 'no reason given')}\n`)
        return this.#run(() => this.#askAgain())
    }
  }

  /** Asks while events continue, because an event may end the question. */
  #run(ask: () => Promise<void>): void {
    const { signal } = this.#question
    ask().catch((error: unknown) => {
      if (signal.aborted || this.#options.signal.aborted) return
      this.#options.note(
        `leadmaster: ${clean(error instanceof LeadMasterError ? error.message : reasonOf(error))}\n`
      )
    })
  }

  #ask(question: string): Promise<string | undefined> {
    return this.#options.ask(
      question,
      AbortSignal.any([this.#options.signal, this.#question.signal])
    )
  }

  async #askAnswer(): Promise<void> {
    const { hub, account, note } = this.#options
    for (;;) {
      const line = await this.#ask('The answer, then Enter: ')
      if (line === undefined) return note(notInteractive)
      if (line.trim() === '') continue
      try {
        const body = JSON.parse(line) as Parameters<Client['answerPasskey']>[0]['body']
        await (account === undefined
          ? hub.answerPasskey({ body })
          : hub.answerAccountPasskey({ account, body }))
        return
      } catch (error) {
        const words =
          error instanceof LeadMasterError
            ? clean(error.message)
            : 'That is not the whole answer: copy it again, from the first { to the last }.'
        note(`${words}\n`)
      }
    }
  }

  async #askCode(): Promise<void> {
    const line = await this.#ask('Does the phone show the same code? y/N ')
    if (line === undefined) return this.#options.note(notInteractive)
    await this.#order(/^y(es)?$/i.test(line.trim()) ? 'confirm' : 'restart')
  }

  async #askAgain(): Promise<void> {
    const line = await this.#ask('Start again (Enter), or go back to the QR code (q)? ')
    if (line === undefined) return this.#options.note(notInteractive)
    await this.#order(line.trim().toLowerCase() === 'q' ? 'cancel' : 'restart')
  }

  async #order(order: 'confirm' | 'restart' | 'cancel'): Promise<void> {
    const { hub, account } = this.#options
    const all = {
      confirm: () =>
        account === undefined ? hub.confirmPasskey() : hub.confirmAccountPasskey({ account }),
      restart: () =>
        account === undefined ? hub.restartPasskey() : hub.restartAccountPasskey({ account }),
      cancel: () =>
        account === undefined ? hub.cancelPasskey() : hub.cancelAccountPasskey({ account })
    }
    await all[order]()
  }
}
