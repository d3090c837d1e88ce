import { harmless, reasonOf } from '../../platform/harmless.ts'

/** Why a session was lost, in words for an operator. `fault` is false for what passes by itself. */
export interface Reason {
  reason: string
  fault: boolean
  /** WhatsApp refuses this account or device for now. Insisting is a risk. */
  isRefused?: boolean
}

/** The text of an error. It must not be shown or logged: it may hold private data. */
export const textOf = (error: unknown): string =>
  error instanceof Error ? error.message : String(error)

/** The module of WhatsApp Web that an error says is missing. */
export const missingModule = (error: unknown): Reason | undefined => {
  const [, name] = /module\s+["'`]?(WA\w+)/i.exec(textOf(error)) ?? []
  return name === undefined
    ? undefined
    : { reason: `WhatsApp Web has changed: its module ${name} is missing`, fault: true }
}

/**
 * Whether an error may come of a page that is not loaded yet: a module, or a member of one, is
 * missing.
 */
export const isOfLoading = (error: unknown): boolean =>
  missingModule(error) !== undefined ||
  /Cannot read properties of|is not a function|is not defined/.test(textOf(error))

/** The status of a proxy that wants another user or password: RFC 9110, 15.5.8. */
export const proxyLoginStatus = 407
export const proxyRefusesLogin =
  'WhatsApp is unreachable: the proxy of PROXY_URL does not take its user and password ' +
  `(HTTP ${proxyLoginStatus})`

/** What Chromium says when the proxy of PROXY_URL keeps it from WhatsApp. */
const proxyFaults: Readonly<Record<string, string>> = {
  'net::ERR_PROXY_CONNECTION_FAILED': 'nothing answers as a proxy at PROXY_URL',
  'net::ERR_TUNNEL_CONNECTION_FAILED': 'the proxy of PROXY_URL refuses the connection',
  'net::ERR_PROXY_CERTIFICATE_INVALID': 'the certificate of the proxy of PROXY_URL is not trusted',
  'net::ERR_INVALID_AUTH_CREDENTIALS': 'the proxy of PROXY_URL does not take its user and password',
  'net::ERR_PROXY_AUTH_UNSUPPORTED':
    'the proxy of PROXY_URL asks for a kind of login that Chromium does not know'
}

/** Explains an error of puppeteer, Chromium or whatsapp-web.js. */
export const explain = (error: unknown): Reason => {
  const text = textOf(error)
  const [network] = /net::ERR_\w+/.exec(text) ?? []
  const byProxy = network === undefined ? undefined : proxyFaults[network]
  if (byProxy !== undefined)
    return { reason: `WhatsApp is unreachable: ${byProxy} (${network})`, fault: false }
  if (network === 'net::ERR_NAME_NOT_RESOLVED')
    return {
      reason: `WhatsApp is unreachable: web.whatsapp.com cannot be resolved (${network})`,
      fault: false
    }
  if (network !== undefined) return { reason: `WhatsApp is unreachable (${network})`, fault: false }
  if (text === 'auth timeout')
    return {
      reason: 'web.whatsapp.com did not show WhatsApp Web (window.Debug.VERSION is missing)',
      fault: true
    }
  if (
    /Target closed|Session closed|Connection closed|detached|browser has disconnected/i.test(text)
  )
    return { reason: 'Chromium or its page closed', fault: false }
  const [, call] = /^(\S+) timed out\. Increase the 'protocolTimeout'/.exec(text) ?? []
  if (call !== undefined)
    return { reason: `Chromium runs, but its page does not answer (${call})`, fault: true }
  if (/^Timed out after waiting \d+\s?ms/.test(text))
    return { reason: 'Chromium runs, but opened no page in time', fault: true }
  return missingModule(error) ?? { reason: reasonOf(error), fault: true }
}

/** Explains a WAState of whatsapp-web.js, as its `disconnected` event gives it. */
export const explainState = (state: string): Reason => {
  if (state === 'CONFLICT')
    return {
      reason: 'this linked device was opened in another browser (CONFLICT)',
      fault: false,
      isRefused: true
    }
  if (state === 'DEPRECATED_VERSION')
    return {
      reason: 'WhatsApp no longer accepts this version of WhatsApp Web (DEPRECATED_VERSION)',
      fault: true
    }
  if (state === 'TOS_BLOCK' || state === 'SMB_TOS_BLOCK')
    return {
      reason: `WhatsApp has blocked this account (${state}): look at the phone`,
      fault: true,
      isRefused: true
    }
  if (state === 'PROXYBLOCK') {
    return {
      reason:
        'WhatsApp refuses connections by a proxy or from this network (PROXYBLOCK): ' +
        'use another way out',
      fault: true,
      isRefused: true
    }
  }
  if (state === 'SCREEN_LOCKED') {
    return {
      reason:
        'WhatsApp Web shows its screen lock (SCREEN_LOCKED): ' +
        'the lock was set in this profile; link the device anew',
      fault: true
    }
  }
  if (state === 'UNPAIRED' || state === 'UNPAIRED_IDLE')
    return { reason: `this device is no longer linked (${state})`, fault: true }
  return { reason: `WhatsApp Web disconnected (${harmless(state)})`, fault: true }
}

/** Reasons that WhatsApp Web gives in its address after a logout (`logout_reason`). */
const logoutReasons: Readonly<Record<string, string>> = {
  '0': 'WhatsApp Web logged out because of an error of its own',
  '1': 'WhatsApp Web logged out because it could not synchronize with the phone',
  '2':
    'WhatsApp Web logged out because the phone did not send the history in time: ' +
    'keep it online while it is linked',
  '3': 'WhatsApp Web logged out because the account is locked: look at the phone'
}

/**
 * Why WhatsApp Web logged out, from the address that it then shows; undefined when that says
 * nothing.
 */
export const explainLogout = (url: string): string | undefined => {
  const code = URL.canParse(url) ? new URL(url).searchParams.get('logout_reason') : null
  return code === null ? undefined : logoutReasons[code]
}

/**
 * Whether an error that nobody awaited is one of whatsapp-web.js: it throws plain strings, and from
 * its callbacks.
 */
export const isLibraryError = (error: unknown): boolean =>
  typeof error === 'string' ||
  (error instanceof Error && /node_modules\/(whatsapp-web\.js|puppeteer)/.test(error.stack ?? ''))
