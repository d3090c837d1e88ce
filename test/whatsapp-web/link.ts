import { randomBytes } from 'node:crypto'
import type { WebSocket } from 'ws'
import { serialized, type MessageModel } from './models.ts'
import {
  assertionFaults,
  newOptions,
  verificationCode,
  type PasskeyOptions,
  type TestPasskey
} from './passkey.ts'
import { childAt, decodeFrame, type Stanza } from './stanza.ts'
import type { Attempt, Scenario } from './api.ts'
import type { History } from './history.ts'

/**
 * One page's connection to WhatsApp's servers: it is linked, or shows codes; it syncs, and is told
 * what happens.
 */

export interface Link {
  /** The linked device, once the page is one. */
  device: string | undefined
  /** The code the page shows, as it is drawn. */
  code: string | undefined
  /** The code that may be typed in on the phone instead, and the number it was asked for. */
  pairing: { code: string; phone: string } | undefined
  codes: number
  synced: boolean
  /** WhatsApp asked for the account's passkey, and has not got it yet. */
  passkey: { options: PasskeyOptions; code: string | undefined } | undefined
  /** WhatsApp asks the linked account for its passkey. */
  checkpoint(pressed: boolean): void
  /** Votes in the page's own table. */
  storedVotes: number
  send(frame: Record<string, unknown>): void
  /** Links the page. */
  scan(): void
  /** Has the page show the next code now, though it may be linked and nobody need it. */
  rotate(): void
  end(): void
}

/** What a page must show to the media servers; it gets it by a stanza. */
export const mediaAuth = randomBytes(12).toString('hex')

/** Eight letters and digits that cannot be mistaken for each other. */
const newPairingCode = (): string =>
  Array.from(randomBytes(8), (byte) => '123456789ABCDEFGHJKLMNPQRSTVWXYZ'[byte % 32]).join('')

interface Hello {
  device?: { id: string }
  keys: { noise: string; identity: string; secret: string; platform: string }
}

export interface LinkOptions {
  socket: WebSocket
  history: History
  scenario: Scenario
  passkey: TestPasskey
  /** What was wrong with an answer to a question for the passkey. */
  passkeyFault: (fault: string) => void
  outbound: (name: string, detail: string) => void
  /** A stanza that arrived, whatever it is. */
  left: (stanza: Stanza) => void
  resend: (ids: string[]) => void
  /** Asked of the phone: to upload the media of a message again. @returns whether it has them */
  reupload: (id: string) => Promise<boolean>
  /** The page's own code is about to send something. */
  attempted: (attempt: Attempt) => void
  /** The page took over from this one, or says that something has changed. */
  changed: () => void
  connected: (link: Link) => void
}

export const createLink = ({
  socket,
  history,
  scenario,
  passkey,
  passkeyFault,
  outbound,
  left,
  resend,
  reupload,
  attempted,
  changed,
  connected
}: LinkOptions): Link => {
  const timers = new Set<NodeJS.Timeout>()
  const after = (ms: number, then: () => void): void => {
    const timer = setTimeout(() => {
      timers.delete(timer)
      then()
    }, ms)
    timers.add(timer)
  }
  let hello: Hello | undefined
  let pending: { n: number }[] = []
  let flushing = false
  let codesLeft = 0
  /** The last event that was sent: what is answered now arrives after it. */
  let told = 0
  /** A device gets no messages before it has said that it is active, and has given its keys. */
  let isActive = false
  let hasKeys = false
  let checkpointChallenge: string | undefined
  const primaryKey = randomBytes(32)

  const send = (frame: Record<string, unknown>): void => {
    if (socket.readyState === socket.OPEN) socket.send(JSON.stringify(frame))
  }
  const link: Link = {
    device: undefined,
    code: undefined,
    pairing: undefined,
    passkey: undefined,
    codes: 0,
    synced: false,
    storedVotes: 0,
    send,
    checkpoint: (pressed) => {
      checkpointChallenge = newOptions(passkey).challenge
      send({ t: 'checkpoint', challenge: checkpointChallenge, pressed })
    },
    scan: () => {
      if (scenario.passkey) return askForPasskey()
      pairSuccess()
    },
    rotate: () => {
      if (link.device !== undefined) return show()
      for (const timer of timers) clearTimeout(timer)
      rotate(codesLeft)
    },
    end: () => {
      for (const timer of timers) clearTimeout(timer)
      history.news.off('happened', onHappened)
      socket.terminate()
    }
  }

  const pairSuccess = (): void => {
    for (const timer of timers) clearTimeout(timer)
    link.code = undefined
    link.pairing = undefined
    link.passkey = undefined
    send({ t: 'paired', id: 'pair-success', device: { id: history.link() } })
  }
  /** Codes go on being shown: the page may be left as it is. */
  const askForPasskey = (): void => {
    const options = newOptions(passkey)
    link.passkey = { options, code: undefined }
    send({ t: 'notification', id: 'passkey', type: 'passkey_prologue_request', options })
    changed()
  }
  const show = (): void => {
    const ref = `2@${randomBytes(48).toString('base64')}`
    const { noise = '', identity = '', secret = '', platform = '' } = hello?.keys ?? {}
    link.code = [ref, noise, identity, secret, platform].join(',')
    link.codes += 1
    send({ t: 'ref', ref, id: `pair-device-${link.codes}` })
    changed()
  }
  /** A code for a while, then the next one, until the page is left to itself. */
  const rotate = (left: number): void => {
    codesLeft = Math.max(0, left - 1)
    if (left === 0) {
      link.code = undefined
      send({ t: 'ref-end' })
      return changed()
    }
    show()
    after(link.codes === 1 ? scenario.firstQrMs : scenario.qrMs, () => rotate(left - 1))
  }

  /** What happens at once goes as one frame. */
  const onHappened = (event: { n: number }): void => {
    pending.push(event)
    if (flushing) return
    flushing = true
    setImmediate(() => {
      flushing = false
      told = pending.at(-1)?.n ?? told
      send({ t: 'events', events: pending })
      pending = []
    })
  }

  const enter = (device: string): void => {
    link.device = device
    connected(link)
    const { me, lids, contacts, faults = { chats: {}, messages: [] } } = history.state
    if (scenario.stalled) send({ t: 'stall', until: 'off' })
    send({ t: 'success', me, lids, contacts, faults, chats: history.held(device, 3) })
    changed()
  }
  /** The device is active: what waits for it, what happens from now on, and the sync. */
  const deliver = (device: string): void => {
    const waiting = history.waiting(device)
    told = history.state.lastN
    for (let start = 0; start < waiting.length; start += 200)
      send({ t: 'events', events: waiting.slice(start, start + 200) })
    history.news.on('happened', onHappened)
    if (scenario.sync === 'early') send({ t: 'synced' })
    else if (scenario.sync !== 'never')
      for (const step of [1, 2, 3, 4])
        after(step * scenario.syncStepMs, () => send({ t: 'progress', percent: step * 25 }))
    if (scenario.sync === 'normal') after(5 * scenario.syncStepMs, () => send({ t: 'synced' }))
  }

  const queries: Record<string, (frame: Record<string, unknown>) => unknown> = {
    earlier: ({ chat, before }) =>
      history.earlier(told, chat as string, before as string | undefined, 50),
    messages: ({ ids }) => (ids as string[]).flatMap((id) => history.find(id) ?? [])
  }

  const answer = (frame: Record<string, unknown>): void => {
    try {
      send({
        t: 'answer',
        n: frame['n'],
        result: queries[frame['what'] as string]?.(frame) ?? null
      })
    } catch (error) {
      send({ t: 'answer', n: frame['n'], error: String(error) })
    }
  }

  const frames: Record<string, (frame: Record<string, unknown>) => void> = {
    hello: (frame) => {
      hello = frame as unknown as Hello
      if (hello.device === undefined) return rotate(scenario.qrCodes)
      if (history.state.devices.some(({ id }) => id === hello?.device?.id))
        return enter(hello.device.id)
      send({ t: 'logout' })
    },
    'qr-linking': () => {
      link.pairing = undefined
      changed()
    },
    attempt: ({ kind, phase, visibility }) => attempted({ kind, phase, visibility } as Attempt),
    synced: () => {
      link.synced = true
      changed()
    },
    'votes-stored': ({ count }) => {
      link.storedVotes = Number(count)
      changed()
    },
    query: (frame) => {
      if (frame['what'] === 'earlier' && scenario.loadMs > 0)
        after(scenario.loadMs, () => answer(frame))
      else answer(frame)
    }
  }
  const result = (stanza: Stanza, content: unknown = null): void =>
    send({ t: 'stanza', tag: 'iq', attrs: { id: stanza.attrs['id'], type: 'result' }, content })
  const linked = (): void => {
    const device = history.state.devices.at(-1)
    if (device) enter(device.id)
  }
  const answerPairingCode = (stanza: Stanza): void => {
    const phone = childAt(stanza, 'link_code_companion_reg')?.attrs['jid'] ?? ''
    link.pairing = { code: newPairingCode(), phone: phone.split('@')[0] as string }
    changed()
    result(stanza, link.pairing.code)
  }
  const refuse = (stanza: Stanza): void =>
    send({
      t: 'stanza',
      tag: 'iq',
      attrs: { id: stanza.attrs['id'], type: 'error' },
      content: null
    })
  /** Checks the answer of a passkey; a right one is followed by the phone's key. */
  const answerPrologue = (stanza: Stanza): void => {
    const assertion = childAt(stanza, 'passkey_prologue/webauthn_assertion')
    if (link.passkey === undefined || assertion === undefined) return refuse(stanza)
    const faults = assertionFaults(
      JSON.parse(String(assertion.content)) as never,
      link.passkey.options.challenge,
      passkey
    )
    for (const fault of faults) passkeyFault(fault)
    if (faults.length > 0) return refuse(stanza)
    result(stanza)
    after(50, () =>
      send({
        t: 'notification',
        id: 'crsc',
        type: 'crsc_continuation',
        primaryKey: [...primaryKey]
      })
    )
  }
  /** Another challenge, while the page links by passkey. */
  const answerPasskeyOptions = (stanza: Stanza): void => {
    if (link.passkey === undefined) return refuse(stanza)
    link.passkey = { options: newOptions(passkey), code: undefined }
    result(stanza, JSON.stringify(link.passkey.options))
  }
  const answerNonce = (stanza: Stanza): void => {
    const nonce = childAt(stanza, 'companion_nonce')?.content
    if (link.passkey === undefined || !Buffer.isBuffer(nonce)) return refuse(stanza)
    link.passkey.code = verificationCode(nonce, primaryKey)
    result(stanza)
    changed()
  }
  const answerPairingRequest = (stanza: Stanza): void => {
    if (link.passkey?.code === undefined) return refuse(stanza)
    result(stanza)
    after(50, pairSuccess)
  }
  const answerMex = (stanza: Stanza): void => {
    const query = childAt(stanza, 'query')
    if (
      query?.attrs['query_id'] !== 'integrity_challenge_response' ||
      checkpointChallenge === undefined
    )
      return result(stanza)
    const { input } = (
      JSON.parse(String(query.content)) as { variables: { input: Record<string, string> } }
    ).variables
    const assertion = {
      rawId: input['raw_id'] ?? '',
      type: input['type'] ?? '',
      response: {
        clientDataJSON: input['client_data_json'] ?? '',
        authenticatorData: input['authenticator_data'] ?? '',
        signature: input['signature'] ?? ''
      }
    }
    const faults = assertionFaults(assertion, checkpointChallenge, passkey, false)
    for (const fault of faults) passkeyFault(fault)
    result(stanza, { success: faults.length === 0 })
  }
  const answerActive = (stanza: Stanza): void => {
    result(stanza)
    if (isActive || !hasKeys || link.device === undefined) return
    isActive = true
    deliver(link.device)
  }
  /** Questions and orders, by namespace and first child; any other is answered with nothing. */
  const iqs: Record<string, (stanza: Stanza) => void> = {
    'md remove-companion-device': (stanza) => {
      history.unlink(link.device)
      result(stanza)
    },
    'md link_code_companion_reg': answerPairingCode,
    'md passkey_request_options': answerPasskeyOptions,
    'md ref': (stanza) => result(stanza, 'ref'),
    'md passkey_prologue': answerPrologue,
    'md companion_nonce': answerNonce,
    'md encrypted_pairing_request': answerPairingRequest,
    'w:mex query': answerMex,
    'encrypt registration': (stanza) => {
      hasKeys = true
      result(stanza)
    },
    'passive active': answerActive,
    'w:m media_conn': (stanza) => result(stanza, { auth: mediaAuth, ttl: 300 })
  }
  const onIq = (stanza: Stanza): void => {
    const { id = '', type, xmlns = '' } = stanza.attrs
    if (type === 'result') return id === 'pair-success' ? linked() : undefined
    const child = Array.isArray(stanza.content) ? stanza.content[0]?.tag : undefined
    const answer = iqs[`${xmlns} ${child}`] ?? ((question: Stanza) => result(question))
    answer(stanza)
  }
  /** A message to the account's own phone asks for something; any other is for a chat. */
  const onMessage = (stanza: Stanza): void => {
    const { id, category, sim } = stanza.attrs
    send({ t: 'stanza', tag: 'ack', attrs: { id, class: 'message' }, content: null })
    const text = String(childAt(stanza, 'enc')?.content ?? '')
    if (category === 'peer') return resend((JSON.parse(text) as { ids: string[] }).ids)
    if (sim !== 'WAWebSendMsgChatAction.addAndSendMsgToChat') return
    const model = JSON.parse(text) as MessageModel
    if (!history.has(serialized(model.id))) history.add({ ...model, ack: 1 })
  }
  const onStanza = (stanza: Stanza): void => {
    const { tag, attrs } = stanza
    left(stanza)
    if (attrs['sim'] !== undefined) outbound(attrs['sim'], attrs['sim_detail'] ?? '')
    else if (tag === 'presence') outbound(`presence ${attrs['type']}`, attrs['to'] ?? '')
    if (tag === 'iq') onIq(stanza)
    else if (tag === 'message') onMessage(stanza)
    else if (tag === 'receipt' && attrs['type'] === 'server-error') {
      const { id = '' } = attrs
      void reupload(id).then((hasIt) => send({ t: 'media-retry', id, hasIt }))
    } else if (tag === 'ack' && attrs['class'] === 'message')
      history.acked(link.device as string, Number(attrs['id']))
  }
  socket.on('message', (data: Buffer, isBinary) => {
    if (isBinary) return onStanza(decodeFrame(data))
    const frame = JSON.parse(String(data)) as { t: string } & Record<string, unknown>
    frames[frame.t]?.(frame)
  })
  // a page that is killed just goes away
  socket.on('error', () => undefined)
  return link
}
