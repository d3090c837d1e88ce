import { createHash } from 'node:crypto'
import type { Passkey, PasskeyAnswer, PasskeyRequest } from '../../contract/session.ts'
import { faultsIn, invalid, ProblemError, type FieldFault } from '../../platform/http/problem.ts'
import { passkeyScript } from './passkey-script.ts'
import type { Session } from './session.ts'
import type { Listener } from '../whatsapp/listener.ts'

/** The site on which the browser must have made the answer. */
const origin = 'https://web.whatsapp.com'

/** Flags of authenticatorData, the byte after the hash of the site's name. */
const flagsAt = 32
const wasPresent = 0x01
const wasVerified = 0x04

const readClientData = (text: string): Record<string, unknown> | undefined => {
  try {
    const value: unknown = JSON.parse(Buffer.from(text, 'base64url').toString('utf8'))
    return typeof value === 'object' && value !== null
      ? (value as Record<string, unknown>)
      : undefined
  } catch {
    // Not JSON: the caller names it.
    return undefined
  }
}

/** Differences between the signed text and the request. */
const clientDataFaults = (text: string, request: PasskeyRequest): FieldFault[] => {
  const field = '/response/clientDataJSON'
  const data = readClientData(text)
  if (data === undefined) return [{ field, message: 'it is not the JSON that a browser signs' }]
  const faults: FieldFault[] = []
  if (data['type'] !== 'webauthn.get')
    faults.push({ field, message: 'it is not the answer of a passkey (webauthn.get)' })
  if (data['origin'] !== origin)
    faults.push({
      field,
      message: `it was made on another site than ${origin}: run the script there`
    })
  if (data['challenge'] !== request.challenge) {
    faults.push({
      field,
      message:
        'it answers another challenge than the one that is open now: ' +
        'take the script that is shown now'
    })
  }
  return faults
}

const authenticatorFaults = (text: string, request: PasskeyRequest): FieldFault[] => {
  const field = '/response/authenticatorData'
  const data = Buffer.from(text, 'base64url')
  if (data.length < flagsAt + 5) return [{ field, message: 'it is cut off' }]
  if (!data.subarray(0, flagsAt).equals(createHash('sha256').update(request.rpId).digest())) {
    return [{ field, message: `the passkey is of another site than ${request.rpId}` }]
  }
  const flags = data[flagsAt] ?? 0
  const isVerified = (flags & wasVerified) !== 0 || request.userVerification !== 'required'
  if ((flags & wasPresent) !== 0 && isVerified) return []
  return [
    {
      field,
      message:
        'the passkey did not check who uses it (fingerprint, face or PIN), which WhatsApp wants'
    }
  ]
}

/**
 * Why an answer does not fit WhatsApp's request, by member. Only WhatsApp can check the signature,
 * because it has the public key.
 */
export const answerFaults = (answer: PasskeyAnswer, request: PasskeyRequest): FieldFault[] => {
  const faults = [
    ...clientDataFaults(answer.response.clientDataJSON, request),
    ...authenticatorFaults(answer.response.authenticatorData, request)
  ]
  if (answer.id !== answer.rawId)
    faults.push({ field: '/rawId', message: 'it is not the same as id' })
  const wanted = request.allowCredentials.map(({ id }) => id)
  if (wanted.length > 0 && !wanted.includes(answer.id)) {
    faults.push({
      field: '/id',
      message:
        'it is a passkey of another account: ' +
        'WhatsApp wants the one of the account that the phone links'
    })
  }
  return faults
}

const iso = (ms: number): string => new Date(ms).toISOString()

/** `GET /passkey`. */
export const passkeyBody = ({ status, passkey }: Session): Passkey => {
  if (status !== 'PASSKEY_REQUIRED' || passkey === undefined) return { status: 'NO_PASSKEY' }
  const { stage, since, expiresAt, request, code, failure } = passkey
  const body: Extract<Passkey, { status: 'PASSKEY_REQUIRED' }> = {
    status,
    stage,
    since: iso(since)
  }
  if (expiresAt !== undefined) body.expires_at = iso(expiresAt)
  if (request !== undefined) Object.assign(body, { request, script: passkeyScript(request) })
  if (code !== undefined) body.code = code
  if (failure !== undefined) body.reason = failure
  return body
}

/**
 * Actions of the operator while WhatsApp asks for the passkey. Each method throws a ProblemError
 * that says what to do.
 */
export class PasskeyDesk {
  readonly #session: () => Session
  readonly #listener: () => Listener | undefined
  readonly #explain: (error: unknown) => string

  /** @param explain says what an error of the page means */
  constructor(
    session: () => Session,
    listener: () => Listener | undefined,
    explain: (error: unknown) => string = String
  ) {
    this.#session = session
    this.#listener = listener
    this.#explain = explain
  }

  async answer(answer: PasskeyAnswer): Promise<void> {
    const { request } = this.#open('challenge')
    if (request === undefined)
      throw new ProblemError(
        'conflict',
        'WhatsApp has not given its challenge yet: try again in a moment'
      )
    const faults = answerFaults(answer, request)
    if (faults.length > 0) throw invalid(...faultsIn('body', faults))
    await this.#run((listener) => listener.passkey.answer(answer))
  }

  async confirm(): Promise<void> {
    this.#open('code')
    await this.#run((listener) => listener.passkey.confirm())
  }

  async restart(): Promise<void> {
    this.#open()
    await this.#run((listener) => listener.passkey.restart())
  }

  async cancel(): Promise<void> {
    this.#open()
    await this.#run((listener) => listener.passkey.cancel())
  }

  /** @param stage the only stage in which the action is possible; default: any */
  #open(stage?: 'challenge' | 'code'): NonNullable<Session['passkey']> {
    const { status, passkey } = this.#session()
    if (status !== 'PASSKEY_REQUIRED' || passkey === undefined) {
      const remedy = status === 'QR_REQUIRED' ? '; scan the QR again' : ''
      throw new ProblemError(
        'conflict',
        `WhatsApp asks for no passkey now: the session is ${status}${remedy}`
      )
    }
    if (stage === undefined || passkey.stage === stage) return passkey
    const failed =
      passkey.stage === 'failed' ? `; it failed (${passkey.failure ?? 'no reason given'})` : ''
    throw new ProblemError(
      'conflict',
      `linking by the passkey is at the stage ${passkey.stage}, not at ${stage}${failed}`
    )
  }

  async #run(act: (listener: Listener) => Promise<void>): Promise<void> {
    const listener = this.#listener()
    if (listener === undefined) throw new ProblemError('conflict', 'WhatsApp Web is not open')
    try {
      await act(listener)
    } catch (error) {
      throw new ProblemError(
        'conflict',
        `WhatsApp Web did not take it (${this.#explain(error)}): start again`
      )
    }
  }
}
