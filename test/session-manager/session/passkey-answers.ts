import { createHash } from 'node:crypto'
import type { PasskeyAnswer, PasskeyRequest } from '../../../src/contract/session.ts'

/**
 * Questions and answers of WebAuthn as a test needs them, without a signature that anybody could
 * check.
 */

export const passkeyRequest = (facts: Partial<PasskeyRequest> = {}): PasskeyRequest => ({
  challenge: 'Y2hhbGxlbmdl',
  rpId: 'whatsapp.com',
  timeout: 600_000,
  userVerification: 'required',
  allowCredentials: [{ type: 'public-key', id: 'AQIDBA' }],
  ...facts
})

const base64url = (text: string): string => Buffer.from(text).toString('base64url')

/** @param facts what differs from the right answer */
export const answerTo = (
  { challenge, rpId }: PasskeyRequest,
  facts: {
    origin?: string
    challenge?: string
    type?: string
    rpId?: string
    flags?: number
    id?: string
  } = {}
): PasskeyAnswer => {
  const clientData = {
    type: facts.type ?? 'webauthn.get',
    challenge: facts.challenge ?? challenge,
    origin: facts.origin ?? 'https://web.whatsapp.com',
    crossOrigin: false
  }
  const site = createHash('sha256')
    .update(facts.rpId ?? rpId)
    .digest()
  const authenticatorData = Buffer.concat([
    site,
    Buffer.from([facts.flags ?? 0x05, 0, 0, 0, 1])
  ]).toString('base64url')
  const id = facts.id ?? 'AQIDBA'
  return {
    id,
    rawId: id,
    type: 'public-key',
    response: {
      clientDataJSON: base64url(JSON.stringify(clientData)),
      authenticatorData,
      signature: 'MEQC',
      userHandle: null
    }
  }
}
