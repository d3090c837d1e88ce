import { request as httpRequest } from 'node:http'
import { Agent as HttpsAgent, request as httpsRequest } from 'node:https'
import { connect } from 'node:net'
import { readProxy, tunnelStatus } from '../../platform/proxy.ts'

/** Whether this machine reaches a page outside, directly or by a proxy. */

/** A look-up, a connection and an answer together may take this long, ms. */
const reachMs = 10_000

/** Why a connection failed, in plain words. @param what it was to, such as `web.whatsapp.com` */
const describeError = (error: NodeJS.ErrnoException, what: string): string => {
  const { code, message } = error
  const status = tunnelStatus(error)
  switch (code) {
    case 'ENOTFOUND':
    case 'EAI_AGAIN':
      return `the name ${what} cannot be looked up (${code})`
    case 'ECONNREFUSED':
      return `nothing listens at ${what} (ECONNREFUSED)`
    case 'ENETUNREACH':
    case 'EHOSTUNREACH':
      return `there is no way to ${what} (${code})`
    case 'ERR_PROXY_TUNNEL':
      return status === '407'
        ? 'the proxy does not take the user and password of PROXY_URL (HTTP 407)'
        : 'the proxy refuses a connection to ' +
            `${what}${status === undefined ? '' : ` (HTTP ${status})`}`
    case 'ETIMEDOUT':
    case 'ABORT_ERR':
      return `${what} does not answer within ${reachMs / 1_000} s`
    default:
      return `${what} cannot be reached (${code ?? message})`
  }
}

/** Connects, and no more. @returns why it cannot, undefined when it can */
const whyNoConnection = (host: string, port: number): Promise<string | undefined> =>
  new Promise((resolve) => {
    const socket = connect({ host, port, signal: AbortSignal.timeout(reachMs) })
    socket.once('connect', () => {
      socket.destroy()
      resolve(undefined)
    })
    socket.once('error', (error) => resolve(describeError(error, `${host}:${port}`)))
  })

/**
 * Asks for a page as Chromium would: whatever its status, an answer is one. @returns why there is
 * none, undefined when there is
 */
const whyNoAnswer = (url: string, proxyUrl: string): Promise<string | undefined> => {
  const proxyEnv = proxyUrl === '' ? {} : { HTTPS_PROXY: proxyUrl, HTTP_PROXY: proxyUrl }
  const { protocol, hostname } = new URL(url)
  const request = protocol === 'https:' ? httpsRequest : httpRequest
  const agent = protocol === 'https:' ? { agent: new HttpsAgent({ proxyEnv }) } : {}
  return new Promise((resolve) => {
    const asking = request(
      url,
      { ...agent, method: 'HEAD', signal: AbortSignal.timeout(reachMs) },
      (answer) => {
        answer.destroy()
        resolve(undefined)
      }
    )
    asking.on('error', (error) => resolve(describeError(error, hostname)))
    asking.end()
  })
}

/**
 * What keeps this machine from a page outside.
 * @param proxyUrl as PROXY_URL has it; empty: directly
 * @returns in plain words, undefined when nothing does
 */
export const whyUnreachable = async (
  url: string,
  proxyUrl: string
): Promise<string | undefined> => {
  const proxy = readProxy(proxyUrl)
  if (proxy !== undefined) {
    const { hostname, port } = new URL(proxy.server)
    const usualPort = proxy.server.startsWith('https:') ? 443 : 80
    const why = await whyNoConnection(hostname.replace(/^\[|\]$/g, ''), Number(port || usualPort))
    if (why !== undefined) return `the proxy of PROXY_URL: ${why}`
  }
  return whyNoAnswer(url, proxyUrl)
}
