import type { PasskeyRequest, PasskeyStage } from '../../contract/session.ts'

/**
 * Progress of linking by the account's passkey. It holds secrets (challenge and code), which only
 * GET /passkey returns: no log line and no status text carries them.
 */
export interface PasskeyState {
  stage: PasskeyStage
  /** When the stage began, ms. */
  since: number
  /** When the stage fails by itself, ms. */
  expiresAt?: number
  /** What the passkey must answer. */
  request?: PasskeyRequest
  /** What the operator compares with the phone, XXXX-XXXX. */
  code?: string
  /** Why it failed, in plain words. */
  failure?: string
}

const words: Readonly<Record<PasskeyStage, string>> = {
  starting: "WhatsApp asks for the account's passkey",
  challenge:
    "WhatsApp asks for the account's passkey: answer it from a browser that can use it " +
    '(leadmaster qr, or the operator page)',
  'waiting-for-phone': 'the passkey has answered; the phone goes on',
  code:
    'compare the code with the one that the phone shows, then confirm it ' +
    '(leadmaster qr, or the operator page)',
  finishing: 'WhatsApp links the device',
  failed: 'linking by the passkey failed'
}

/** The stage in the words an operator needs, without its secrets. */
export const passkeyReason = ({ stage, failure }: PasskeyState): string =>
  failure === undefined ? words[stage] : `${words[stage]}: ${failure}`
