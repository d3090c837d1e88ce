import { createHash, createPublicKey, generateKeyPairSync, randomBytes, verify } from 'node:crypto'

/**
 * The account's passkey as WhatsApp's servers know it, and the check of what a browser says it
 * signed.
 */

export interface TestPasskey {
  /** Base64url. */
  credentialId: string
  /** PKCS #8 in base64, as Chromium's virtual authenticator takes it. */
  privateKey: string
  /** SPKI in base64. */
  publicKey: string
}

/** PublicKeyCredentialRequestOptions in JSON, as they cross the wire. */
export interface PasskeyOptions {
  challenge: string
  timeout: number
  rpId: string
  allowCredentials: { type: 'public-key'; id: string }[]
  userVerification: 'required'
  extensions: { uvm: true }
}

interface Assertion {
  rawId: string
  type: string
  response: { clientDataJSON: string; authenticatorData: string; signature: string }
}

const rpId = 'whatsapp.com'
const origin = 'https://web.whatsapp.com'
const userIsPresent = 0x01
const userIsVerified = 0x04

export const newTestPasskey = (): TestPasskey => {
  const { privateKey, publicKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' })
  return {
    credentialId: randomBytes(32).toString('base64url'),
    privateKey: privateKey.export({ type: 'pkcs8', format: 'der' }).toString('base64'),
    publicKey: publicKey.export({ type: 'spki', format: 'der' }).toString('base64')
  }
}

export const newOptions = ({ credentialId }: TestPasskey): PasskeyOptions => ({
  challenge: randomBytes(32).toString('base64url'),
  timeout: 600_000,
  rpId,
  allowCredentials: [{ type: 'public-key', id: credentialId }],
  userVerification: 'required',
  extensions: { uvm: true }
})

/** @returns what is wrong with an answer; nothing when it is right */
export const assertionFaults = (
  assertion: Assertion,
  challenge: string,
  passkey: TestPasskey,
  needsVerification = true
): string[] => {
  const clientData = Buffer.from(assertion.response.clientDataJSON, 'base64url')
  const authenticatorData = Buffer.from(assertion.response.authenticatorData, 'base64url')
  const said = JSON.parse(clientData.toString('utf8')) as {
    type: string
    challenge: string
    origin: string
  }
  const faults: string[] = []
  if (assertion.type !== 'public-key') faults.push('the credential is no public key')
  if (assertion.rawId !== passkey.credentialId) faults.push('the credential is another')
  if (said.type !== 'webauthn.get') faults.push('the ceremony is another')
  if (said.challenge !== challenge) faults.push('the challenge is another')
  if (said.origin !== origin) faults.push(`the origin is ${said.origin}`)
  if (!authenticatorData.subarray(0, 32).equals(createHash('sha256').update(rpId).digest()))
    faults.push('the site is another')
  const flags = authenticatorData[32] ?? 0
  if ((flags & userIsPresent) === 0) faults.push('nobody was there')
  if (needsVerification && (flags & userIsVerified) === 0)
    faults.push('it was not checked who was there')
  const signed = Buffer.concat([
    authenticatorData,
    createHash('sha256').update(clientData).digest()
  ])
  const key = createPublicKey({
    key: Buffer.from(passkey.publicKey, 'base64'),
    format: 'der',
    type: 'spki'
  })
  if (!verify('sha256', signed, key, Buffer.from(assertion.response.signature, 'base64url')))
    faults.push('the signature is wrong')
  return faults
}

/** The code that the page and the phone show, of the companion's nonce and the phone's key. */
export const verificationCode = (nonce: Buffer, primaryKey: Buffer): string => {
  const digest = createHash('sha256').update(nonce).update(primaryKey).digest()
  const letters = [...digest.subarray(0, 8)]
    .map((byte) => '123456789ABCDEFGHJKLMNPQRSTVWXYZ'[byte % 32])
    .join('')
  return `${letters.slice(0, 4)}-${letters.slice(4)}`
}
